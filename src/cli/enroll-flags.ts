import { defineFlags } from "./flags.ts";
import { IMAGE_FLAGS } from "./image-flags.ts";
import { OPTION_FLAGS } from "./option-flags.ts";

/** The flags of `enable` (updater-core §1.4); `--hand-over`, `--digest`, the options and the flags for images are ours. */
export const ENROLL_FLAGS = defineFlags({
  proxy: {
    type: "string",
    alias: "p",
    env: "TELEPORT_PROXY",
    mayBeEmpty: true,
    valueHint: "ADDRESS",
    description: "address of the cluster's proxy (default: the one in teleport.yaml)",
  },
  group: {
    type: "string",
    alias: "g",
    env: "TELEPORT_UPDATE_GROUP",
    mayBeEmpty: true,
    valueHint: "GROUP",
    description: "update group of this host; `default` resets it",
  },
  "base-url": {
    type: "string",
    alias: "b",
    env: "TELEPORT_CDN_BASE_URL",
    mayBeEmpty: true,
    valueHint: "URL",
    repeatable: true,
    description: "https URL that releases are downloaded from, and mirrors of it; `default` resets it",
  },
  overwrite: {
    type: "boolean",
    alias: "o",
    description: "replace Teleport files that another installation left, and a tbot service of your own",
  },
  "allow-proxy-conflict": {
    type: "boolean",
    env: "TELEPORT_ALLOW_PROXY_CONFLICT",
    description: "accept a proxy that differs from the one in teleport.yaml",
  },
  from: {
    type: "string",
    valueHint: "PATH",
    description: "take the release from this archive or folder, this time, instead of the network",
  },
  digest: {
    type: "string",
    valueHint: "SHA256",
    description: "the digest that the archive of the release must have",
  },
  ...OPTION_FLAGS,
  "proxy-env": {
    type: "boolean",
    description: "keep HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as they are now, for the timer",
  },
  "hand-over": {
    type: "boolean",
    description: "leave the updates from now on to the updater that comes with the release",
  },
  ...IMAGE_FLAGS,
  "force-version": {
    type: "string",
    alias: "f",
    env: "TELEPORT_UPDATE_VERSION",
    mayBeEmpty: true,
    valueHint: "VERSION",
    special: true,
    description: "install this version instead of the cluster's",
  },
  "force-flag": {
    type: "string",
    env: "TELEPORT_UPDATE_FLAGS",
    mayBeEmpty: true,
    valueHint: "FLAG",
    special: true,
    repeatable: true,
    description: "add Enterprise or FIPS to the cluster's edition",
  },
  "self-setup": { type: "boolean", special: true, description: "write the units with this program, not the release's" },
  path: {
    type: "string",
    env: "TELEPORT_PATH",
    mayBeEmpty: true,
    valueHint: "DIR",
    special: true,
    description: "directory that the programs are linked into",
  },
  "selinux-ssh": {
    type: "boolean",
    env: "TELEPORT_UPDATE_SELINUX_SSH",
    special: true,
    description: "install the SELinux module for Teleport's SSH service",
  },
});

const KEPT: (keyof typeof ENROLL_FLAGS)[] = [
  ...(["proxy", "group", "base-url"] as const),
  ...(Object.keys(OPTION_FLAGS) as (keyof typeof OPTION_FLAGS)[]),
  ...(["proxy-env", "path", "selinux-ssh"] as const),
];

const ONCE: (keyof typeof ENROLL_FLAGS)[] = [
  ...(["overwrite", "allow-proxy-conflict", "from", "digest"] as const),
  ...(["force-version", "force-flag", "self-setup"] as const),
];

/** What the help of `enable` and `pin` says behind their flags. */
export const ENROLL_NOTES = [`Kept for later runs: ${listed(KEPT)}.`, `For this run only: ${listed(ONCE)}.`];

function listed(flags: readonly string[]): string {
  return flags.map((flag) => `--${flag}`).join(", ");
}

/** The flags of `pin`: the same, but that a version to stay at is its usual argument. */
export const PIN_FLAGS = defineFlags({
  ...ENROLL_FLAGS,
  "force-version": { ...ENROLL_FLAGS["force-version"], special: false },
});
