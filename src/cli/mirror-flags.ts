import { defineFlags } from "./flags.ts";
import { OPTION_FLAGS } from "./option-flags.ts";

const TRUSTED_KEY = {
  ...OPTION_FLAGS["trusted-key"],
  description: "public keys (PEM) that archives must be signed with",
};

/** The flags of `mirror build`. */
export const MIRROR_BUILD_FLAGS = defineFlags({
  to: { type: "string", required: true, valueHint: "DIR", description: "the folder of the mirror; made when missing" },
  version: {
    type: "string",
    alias: "v",
    valueHint: "VERSION",
    repeatable: true,
    description: "a version, like 18.4.1, or a range, like 18.2..18.4",
  },
  proxy: {
    type: "string",
    alias: "p",
    valueHint: "ADDRESS",
    description: "also the version that the cluster behind this proxy advertises",
  },
  group: {
    type: "string",
    alias: "g",
    mayBeEmpty: true,
    valueHint: "GROUP",
    description: "the update group to ask that cluster for",
  },
  edition: {
    type: "string",
    valueHint: "EDITION",
    repeatable: true,
    description: "oss, ent or ent-fips; the cluster's, or else oss, when absent",
  },
  arch: {
    type: "string",
    valueHint: "ARCH",
    repeatable: true,
    description: "amd64, arm64, 386 or arm; this machine's when absent",
  },
  from: {
    type: "string",
    valueHint: "PLACE",
    repeatable: true,
    description: "https URL or folder to take releases from, in order; the official CDN when absent",
  },
  installer: {
    type: "string",
    valueHint: "PLACE",
    description: "also this program and its install script, from this folder or https URL",
  },
  keep: {
    type: "string",
    valueHint: "COUNT",
    description: "remove all but so many versions of each edition, the newest and those that are named",
  },
  jobs: { type: "string", default: "3", valueHint: "COUNT", description: "how many archives are fetched at a time" },
  sign: { type: "string", valueHint: "FILE", description: "the site's private key, to sign each archive with" },
  "replace-signatures": {
    type: "boolean",
    description: "let the site's signature with --sign, else the one at the place, replace another one",
  },
  digest: { type: "string", valueHint: "SHA256", description: "the digest that the one archive must have" },
  "trusted-key": TRUSTED_KEY,
  "insecure-skip-signature": {
    type: "boolean",
    description: "take archives without the signature that the trusted keys ask for",
  },
  "ca-file": OPTION_FLAGS["ca-file"],
  netrc: OPTION_FLAGS.netrc,
  "bearer-token-file": OPTION_FLAGS["bearer-token-file"],
  "client-cert": OPTION_FLAGS["client-cert"],
  "client-key": OPTION_FLAGS["client-key"],
});

/** The flags of `mirror verify`. */
export const MIRROR_VERIFY_FLAGS = defineFlags({
  at: { type: "string", required: true, valueHint: "DIR", description: "the folder of the mirror" },
  "trusted-key": TRUSTED_KEY,
  json: { type: "boolean", description: "print JSON" },
});

/** The flags of `mirror keygen`. */
export const MIRROR_KEYGEN_FLAGS = defineFlags({
  to: {
    type: "string",
    required: true,
    valueHint: "FILE",
    description: "file of the private key; the public one goes to FILE.pub",
  },
});

/** The flags of `mirror bundle`. */
export const MIRROR_BUNDLE_FLAGS = defineFlags({
  at: { type: "string", required: true, valueHint: "DIR", description: "the folder of the mirror" },
  to: { type: "string", required: true, valueHint: "FILE", description: "the file that is made or replaced" },
  version: {
    type: "string",
    alias: "v",
    valueHint: "VERSION",
    repeatable: true,
    description: "take this version along, like 18.4.1, or 18.4.1+Enterprise for one edition; all when absent",
  },
  sign: {
    type: "string",
    valueHint: "FILE",
    description: "private key (PEM) of the site; signs the whole bundle",
  },
});

/** The flags of `mirror import`. */
export const MIRROR_IMPORT_FLAGS = defineFlags({
  from: { type: "string", required: true, valueHint: "FILE", description: "the bundle" },
  to: { type: "string", required: true, valueHint: "DIR", description: "the folder of the mirror; made when missing" },
  digest: { type: "string", valueHint: "SHA256", description: "the SHA-256 that the bundle must have" },
  "trusted-key": {
    ...OPTION_FLAGS["trusted-key"],
    description: "public keys (PEM) that the bundle, or each archive in it, must be signed with",
  },
  "replace-signatures": {
    type: "boolean",
    description: "let the bundle's signature of an archive replace another one",
  },
});

/** The flags of `mirror serve`. */
export const MIRROR_SERVE_FLAGS = defineFlags({
  at: { type: "string", required: true, valueHint: "DIR", description: "the folder of the mirror" },
  listen: {
    type: "string",
    required: true,
    valueHint: "HOST:PORT",
    description: "address to serve at, like 0.0.0.0:8443",
  },
  "tls-cert": { type: "string", valueHint: "FILE", description: "certificate of the server and its chain, as PEM" },
  "tls-key": { type: "string", valueHint: "FILE", description: "key of that certificate, as PEM" },
  user: { type: "string", default: "nobody", valueHint: "NAME", description: "user to serve as, when started as root" },
  prefix: {
    type: "string",
    mayBeEmpty: true,
    valueHint: "PATH",
    description: "path in front of the names, like /teleport",
  },
});
