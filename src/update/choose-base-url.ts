import type { FindAnswer } from "../cluster/find-answer.ts";
import { UpdateError } from "../platform/errors.ts";
import { DEFAULT_BASE_URL } from "../settings/base-url.ts";
import type { UpdateConfig } from "../settings/update-config.ts";

/**
 * Where releases come from: the configured place, else upstream's CDN. That one has no builds of the AGPL edition, so
 * `E_BASE_URL` when the cluster runs it (updater-core §4.3 step 1, §5.2).
 */
export function chooseBaseUrl({ spec }: UpdateConfig, answer: FindAnswer): string {
  if (spec.baseUrl !== "") return spec.baseUrl;
  if (!answer.agpl) return DEFAULT_BASE_URL;
  throw new UpdateError("E_BASE_URL", "the cluster runs an AGPL edition, which has no default CDN", {
    hint: "name the place of your own builds with `teleport-update enable --base-url https://…`",
  });
}
