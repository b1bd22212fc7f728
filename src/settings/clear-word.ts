/** The value that puts a setting back to its default, as in `--group default` (updater-core §2.4). */
export const CLEAR = "default";
