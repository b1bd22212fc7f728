import type { FindAnswer } from "../cluster/find-answer.ts";
import type { Architecture } from "../release/address.ts";

/** What `enable` and `pin` are asked about the image that `--root` names. */
export interface ImageRequest {
  /** `--arch`; undefined when the image's own programs are to tell. */
  architecture: Architecture | undefined;
  /** `--updater`: the program of this machine that stays in the image; empty for the running one. */
  updater: string;
  /** `--offline`: the cluster is not asked. */
  isOffline: boolean;
}

/** What stands for the answer of a cluster that is not asked: it advertises nothing, and adds no edition. */
export const NOT_ASKED: FindAnswer = {
  target: { version: "", flags: [] },
  flags: [],
  inWindow: false,
  jitterSeconds: 0,
  agpl: false,
  digests: new Map(),
};
