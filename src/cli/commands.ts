import { ENROLL_FLAGS, ENROLL_NOTES, PIN_FLAGS } from "./enroll-flags.ts";
import { defineFlags, type FlagTable } from "./flags.ts";
import {
  MIRROR_BUILD_FLAGS,
  MIRROR_BUNDLE_FLAGS,
  MIRROR_IMPORT_FLAGS,
  MIRROR_KEYGEN_FLAGS,
  MIRROR_SERVE_FLAGS,
  MIRROR_VERIFY_FLAGS,
} from "./mirror-flags.ts";
import type { Command } from "./program.ts";

export const UPDATE_FLAGS = defineFlags({
  now: {
    type: "boolean",
    alias: "n",
    description: "update now, also outside the update window and without a random delay",
  },
  "self-setup": ENROLL_FLAGS["self-setup"],
});

export const UNINSTALL_FLAGS = defineFlags({
  force: { type: "boolean", alias: "f", description: "go on even if nothing of Teleport is left on this host" },
});

export const STATUS_FLAGS = defineFlags({
  "err-if-should-update-now": {
    type: "boolean",
    description: "end with code 3 when the cluster wants another version here now",
  },
});

/** The flags of commands that only tell. */
export const READ_FLAGS = defineFlags({
  json: { type: "boolean", description: "print JSON" },
});

/** The frozen command line of the setup step (updater-core §1.4): new parameters come by variable only. */
export const SETUP_FLAGS = defineFlags({
  path: {
    type: "string",
    required: true,
    mayBeEmpty: true,
    valueHint: "DIR",
    description: "directory that the programs are linked into",
  },
  reload: { type: "boolean", description: "reload the services once their units are in place" },
  version: {
    type: "string",
    env: "TELEPORT_UPDATE_SETUP_VERSION",
    mayBeEmpty: true,
    valueHint: "VERSION",
    description: "version that the units start",
  },
  flag: {
    type: "string",
    env: "TELEPORT_UPDATE_SETUP_FLAGS",
    mayBeEmpty: true,
    valueHint: "FLAG",
    repeatable: true,
    description: "flag of that version: Enterprise or FIPS",
  },
  "selinux-ssh": {
    type: "boolean",
    env: "TELEPORT_UPDATE_SELINUX_SSH",
    hidden: true,
    description: "install the SELinux module for Teleport's SSH service",
  },
  tbot: { type: "boolean", env: "TELEPORT_UPDATE_SETUP_TBOT", description: "write the unit of tbot too" },
});

/** The global flags of commands that are about no installation, and ask nobody. */
const LOCAL_GLOBALS = ["help", "debug", "log-format"] as const;

/** The commands of `teleport-update`, in the order of its help (updater-core §1.3). */
export const COMMANDS: readonly Command[] = [
  command({
    meta: { name: "version", description: "Print the version of this program." },
    args: {},
    needsRoot: false,
    load: () => import("./version.ts"),
  }),
  command({
    meta: { name: "enable", description: "Install the cluster's version and keep this host at it." },
    args: ENROLL_FLAGS,
    notes: ENROLL_NOTES,
    needsRoot: true,
    load: () => import("./enable.ts"),
  }),
  command({
    meta: { name: "disable", description: "Turn updates off; what is installed stays." },
    args: {},
    needsRoot: true,
    load: () => import("./disable.ts"),
  }),
  command({
    meta: { name: "pin", description: "Install a version, the cluster's or another, and stay at it." },
    args: PIN_FLAGS,
    notes: ENROLL_NOTES,
    needsRoot: true,
    load: () => import("./pin.ts"),
  }),
  command({
    meta: { name: "unpin", description: "Follow the cluster's version again." },
    args: {},
    needsRoot: true,
    load: () => import("./unpin.ts"),
  }),
  command({
    meta: { name: "update", description: "Move to the cluster's version if it is time; what the timer runs." },
    args: UPDATE_FLAGS,
    needsRoot: true,
    load: () => import("./update.ts"),
  }),
  command({
    meta: { name: "link-package", description: "Link the programs of the Teleport package, unless updates are on." },
    args: {},
    needsRoot: true,
    load: () => import("./link-package.ts"),
  }),
  command({
    meta: { name: "unlink-package", description: "Remove the links to the programs of the Teleport package." },
    args: {},
    needsRoot: true,
    load: () => import("./unlink-package.ts"),
  }),
  command({
    meta: { name: "setup", description: "Write the units of an installed version.", hidden: true },
    args: SETUP_FLAGS,
    needsRoot: true,
    load: () => import("./setup.ts"),
  }),
  command({
    meta: { name: "status", description: "Show the settings, the installed versions, and what the cluster wants." },
    args: STATUS_FLAGS,
    needsRoot: false,
    load: () => import("./status.ts"),
  }),
  command({
    meta: { name: "verify", description: "Compare what is installed with what was accepted; 1 when it differs." },
    args: READ_FLAGS,
    needsRoot: false,
    load: () => import("./verify.ts"),
  }),
  command({
    meta: { name: "history", description: "Show what was done on this host, oldest first." },
    args: READ_FLAGS,
    needsRoot: true,
    load: () => import("./history.ts"),
  }),
  command({
    meta: { name: "uninstall", description: "Give Teleport back to its package, or remove it; ends all updates." },
    args: UNINSTALL_FLAGS,
    needsRoot: true,
    load: () => import("./uninstall.ts"),
  }),
  command({
    meta: { name: "mirror build", description: "Bring releases into a folder that any web server can serve to hosts." },
    args: MIRROR_BUILD_FLAGS,
    globals: [...LOCAL_GLOBALS, "insecure"],
    needsRoot: false,
    load: () => import("./mirror-build.ts"),
  }),
  command({
    meta: { name: "mirror verify", description: "Read each file of a mirror; 1 when one is not as it was built." },
    args: MIRROR_VERIFY_FLAGS,
    globals: LOCAL_GLOBALS,
    needsRoot: false,
    load: () => import("./mirror-verify.ts"),
  }),
  command({
    meta: { name: "mirror keygen", description: "Make the key that a site signs its mirror with." },
    args: MIRROR_KEYGEN_FLAGS,
    globals: LOCAL_GLOBALS,
    needsRoot: false,
    load: () => import("./mirror-keygen.ts"),
  }),
  command({
    meta: { name: "mirror bundle", description: "Write a mirror into one file, to carry it across an air gap." },
    args: MIRROR_BUNDLE_FLAGS,
    globals: LOCAL_GLOBALS,
    needsRoot: false,
    load: () => import("./mirror-bundle.ts"),
  }),
  command({
    meta: {
      name: "mirror import",
      description: "Put what was carried into the folder of a mirror, once it is proven.",
    },
    args: MIRROR_IMPORT_FLAGS,
    globals: LOCAL_GLOBALS,
    needsRoot: false,
    load: () => import("./mirror-import.ts"),
  }),
  command({
    meta: { name: "mirror serve", description: "Serve a mirror over HTTP or HTTPS, until it is told to stop." },
    args: MIRROR_SERVE_FLAGS,
    globals: LOCAL_GLOBALS,
    needsRoot: false,
    load: () => import("./mirror-serve.ts"),
  }),
];

/** Checks that the body of a row takes the flags of the row. */
function command<Flags extends FlagTable>(row: Command<Flags>): Command {
  return row;
}
