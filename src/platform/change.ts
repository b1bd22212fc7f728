/**
 * The words in which every change of the host is written: plain data, with all that its undo needs. `host/` and
 * `release/` plan lists of them by looking only; the transaction in `update/` is the one that makes and undoes them.
 */
export type Change =
  /** Make one directory that is missing; undone by removing it if it is empty. */
  | { kind: "directory"; path: string; mode: number }
  /** Write (`after`) or delete (`after: null`) a text file; `before` is what was there. */
  | { kind: "file"; path: string; before: FileImage | null; after: FileImage | null }
  /** Place (`after`) or delete (`after: null`) a symlink; `before` is the old target. Anything else there is moved away first. */
  | LinkChange
  /** Rename within one file system: a staged release into its place, a replaced file aside. */
  | MoveChange
  /** Delete a version directory for good. Has no undo, so it stands only where nothing can be lost. */
  | { kind: "remove"; path: string }
  /** `systemctl daemon-reload`, when the list runs forward (`do`) or is rolled back over it (`undo`). */
  | { kind: "daemon-reload"; when: "do" | "undo" }
  /** Enable or disable a unit, with `--now` when `active` follows. */
  | { kind: "unit"; unit: string; before: UnitState; after: UnitState }
  /** The setup step of another updater: a foreign program that may write exactly the files in `before`. */
  | SetupChange
  | SelinuxModuleChange
  /** Reload a running service into its new program, or restart it; undone by bringing it back, once all that it reads is back. */
  | ReloadChange;

export interface LinkChange {
  kind: "link";
  path: string;
  before: string | null;
  after: string | null;
  /** In a journal: `before` led into nothing already. Where it is missing, that is not known. */
  dangled?: true;
}

export interface MoveChange {
  kind: "move";
  from: string;
  to: string;
  /** In a journal: links that led to `to`, or below it, before anything was there for them. Where it is missing, none is known. */
  linkedBefore?: string[];
}

export interface ReloadChange {
  kind: "reload";
  unit: string;
  pidFile: string;
  socket: string;
  restart: boolean;
  before: RunState;
}

export interface SetupChange {
  kind: "setup";
  program: string;
  arguments: string[];
  environment: Record<string, string>;
  /** Every path that the contract lets it write, as it was. */
  before: Image[];
  /** Every unit that it may enable, disable, start or stop, as it was. */
  units: { unit: string; before: UnitState }[];
  /** Every service that it is asked to reload, to be brought back after it. */
  reloads: ReloadChange[];
}

/**
 * Build and install the SELinux module, or remove it, and label what it is about. Failing at it is only warned about
 * (installer-systemd §5.4), so it and its undo never fail a run.
 */
export interface SelinuxModuleChange {
  kind: "selinux-module";
  /** Whether the module is installed. It is built again where it is: it may be of another updater. */
  before: boolean;
  after: boolean;
  installDirectory: string;
  namespaceDirectory: string;
  dataDirectory: string;
  config: string;
  pidFile: string;
  /** What the module labels, and installing makes because it is missing: directories outermost first, an empty config. */
  makes: { directories: { path: string; mode: number }[]; config: boolean };
}

export interface FileImage {
  content: string;
  mode: number;
}

/** Whether a service ran, and as which process: 0 when it did not, or did not tell. */
export interface RunState {
  active: boolean;
  pid: number;
}

export interface UnitState {
  enabled: boolean;
  active: boolean;
}

/** What lay at a path before somebody else may have written there. */
export type Image =
  | { path: string; kind: "absent" }
  | { path: string; kind: "file"; image: FileImage }
  | { path: string; kind: "link"; target: string };

export type ChangeKind = Change["kind"];
