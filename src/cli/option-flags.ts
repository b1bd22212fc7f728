import { defineFlags } from "./flags.ts";

/** The flags of `enable` and `pin` that upstream does not have, and whose values are kept in `updater.yaml`. */
export const OPTION_FLAGS = defineFlags({
  "ca-file": {
    type: "string",
    valueHint: "FILE",
    description: "certificates (PEM) to trust besides those of the host",
  },
  "trusted-key": {
    type: "string",
    valueHint: "FILE",
    repeatable: true,
    description: "public keys (PEM) that releases must be signed with",
  },
  "insecure-skip-signature": {
    type: "boolean",
    description: "take releases without the signature that the trusted keys ask for",
  },
  "min-version": { type: "string", valueHint: "VERSION", description: "install no version below this one" },
  "max-version": {
    type: "string",
    valueHint: "VERSION",
    description: "install no version above this one; 18 stands for all of 18",
  },
  "min-age": { type: "string", valueHint: "TIME", description: "install no release younger than this, like 72h or 3d" },
  downgrade: { type: "boolean", description: "follow the cluster to versions below the active one, as by default" },
  netrc: {
    type: "string",
    valueHint: "FILE",
    description: "user names and passwords for the base URLs, as curl reads them",
  },
  "bearer-token-file": { type: "string", valueHint: "FILE", description: "a token for the base URLs" },
  "client-cert": { type: "string", valueHint: "FILE", description: "certificate (PEM) to show to the base URLs" },
  "client-key": { type: "string", valueHint: "FILE", description: "the key (PEM) of that certificate" },
});
