import { NO_REVISION, type Revision } from "./revision.ts";

/**
 * `update.yaml` as plain data (updater-core §2.1). The file is upstream's: it holds these keys and no others. What is
 * ours lies beside it (`options.ts`).
 */
export interface UpdateConfig {
  version: string;
  kind: string;
  spec: UpdateSpec;
  status: UpdateStatus;
}

/** What the operator asked for. An empty string means "not set". */
export interface UpdateSpec {
  proxy: string;
  path: string;
  group: string;
  baseUrl: string;
  enabled: boolean;
  pinned: boolean;
  selinuxSsh: boolean;
  /** A key of some upstream builds only: kept when the file is written again, never acted on. */
  selinuxSshEnforcing: boolean;
}

/** What the updater did. */
export interface UpdateStatus {
  /** Where the agent writes the updater id; empty when not known. */
  idFile: string;
  lastUpdate?: LastUpdate | undefined;
  /** `NO_REVISION` when nothing is installed. */
  active: Revision;
  backup?: Revision | undefined;
  skip?: Revision | undefined;
}

export interface LastUpdate {
  success: boolean;
  /** Start of the process, to the millisecond. */
  time: Date;
  target: Revision;
}

export const UPDATE_CONFIG_VERSION = "v1";
export const UPDATE_CONFIG_KIND = "update_config";

/** What a host without the file has (updater-core §2.2). */
export function emptyConfig(): UpdateConfig {
  return {
    version: UPDATE_CONFIG_VERSION,
    kind: UPDATE_CONFIG_KIND,
    spec: {
      proxy: "",
      path: "",
      group: "",
      baseUrl: "",
      enabled: false,
      pinned: false,
      selinuxSsh: false,
      selinuxSshEnforcing: false,
    },
    status: { idFile: "", active: NO_REVISION },
  };
}
