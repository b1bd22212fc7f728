import { UpdateError } from "../platform/errors.ts";
import { hideCredentials } from "../platform/hide-credentials.ts";
import { quote } from "../platform/quote.ts";

/** Where releases come from when neither operator nor cluster says otherwise (updater-core §5.2). */
export const DEFAULT_BASE_URL = "https://cdn.teleport.dev";

/** Whether a base URL leads to upstream's own place, by whatever port and path. */
export function isOfficialPlace(baseUrl: string): boolean {
  return new URL(baseUrl).hostname.replace(/\.$/, "") === new URL(DEFAULT_BASE_URL).hostname;
}

/**
 * Checks where releases come from: an https URL without query or fragment (updater-core §2.4). A URL that is `given` now
 * holds no credentials either; one that is `kept` in `update.yaml` may, because upstream takes it. The empty text means
 * the default place and passes. Fails with `E_BASE_URL`.
 */
export function checkBaseUrl(text: string, origin: "given" | "kept"): void {
  if (text === "") return;
  const shown = quote(hideCredentials(text), 200);
  if (!/^https:\/\//i.test(text)) throw baseUrlError(`the base URL ${shown} does not begin with \`https://\``);
  const url = URL.parse(text);
  if (url === null || /[\s\p{Cc}\\]/u.test(text)) throw baseUrlError(`the base URL ${shown} cannot be parsed`);
  if (/[?#]/.test(text)) throw baseUrlError(`the base URL ${shown} has a query or a fragment`);
  if (origin === "given" && (url.username !== "" || url.password !== "")) {
    throw new UpdateError("E_BASE_URL", `the base URL ${shown} holds a user name or password`, {
      hint: "credentials do not belong in the URL, where every log and process list shows them: give the URL without them, and a file with them by `--netrc FILE` or `--bearer-token-file FILE`",
    });
  }
}

function baseUrlError(message: string): UpdateError {
  return new UpdateError("E_BASE_URL", message, {
    hint: "give an address like `--base-url https://mirror.example.com/teleport`, or `--base-url default` for the default one",
  });
}
