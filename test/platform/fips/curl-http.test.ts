import { curlHttp } from "../../../src/platform/fips/curl-http.ts";
import { keepsPromisesOfHttp } from "../http-promises.ts";

// Whether the host is in FIPS mode is another matter, which `test/booted/fips.test.ts` shows.
const open = (settings: Parameters<typeof curlHttp>[0]) => curlHttp(settings, async () => {});

keepsPromisesOfHttp({ open, refused: "no connection could be opened", asksTwiceFor: [""], obeysVariables: false });
