import { openHttp } from "../../src/platform/fetch-http.ts";
import { keepsPromisesOfHttp } from "./http-promises.ts";

keepsPromisesOfHttp({
  open: openHttp,
  refused: "connection refused",
  asksTwiceFor: ["", "user:p%40ss@"],
  obeysVariables: true,
});
