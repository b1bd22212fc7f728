import { UpdateError } from "../errors.ts";

/** There is none: see `../tls-server.ts`. */
export function createTlsServer(_pair: { cert: string; key: string }): never {
  throw new UpdateError("E_FIPS", "the FIPS variant does not serve TLS, as that would be cryptography of its own", {
    hint: "serve the folder with a web server that uses the module of the host, such as its nginx: see `docs/mirrors.md`; or serve it over http on a network that you trust",
  });
}
