/** The seam to the network, by the runtime (`fetch-http.ts`) or, in the FIPS variant, by the host (`fips/curl-http.ts`). */
export interface Http {
  /**
   * One GET. Answers whatever status comes; redirects are followed by hand (at most 5, never from https to http).
   * Fails with `E_NETWORK`, `E_TIMEOUT`, `E_TLS`, `E_CONNECT_PROXY` or `E_CANCELED`, each naming host and remedy.
   */
  get(url: string, options?: HttpOptions): Promise<HttpAnswer>;
}

export interface HttpOptions {
  /** Limit for the whole exchange, body included; none when absent. */
  timeoutMs?: number;
  /** Fails with `E_TIMEOUT` when no byte comes for so long. */
  stallMs?: number;
  /** Fails with `E_TIMEOUT` when the body brings fewer bytes than this while we wait for it for so long: a trickle. */
  floor?: { bytes: number; withinMs: number };
  signal?: AbortSignal;
  /** To another origin, after a redirect, only what names a part of the answer goes along. */
  headers?: Record<string, string>;
  /** Shown to the origin of the request only. */
  certificate?: ClientCertificate;
}

/** Both in PEM form. */
export interface ClientCertificate {
  cert: string;
  key: string;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  /** After redirects. */
  url: string;
  /** The bytes as sent (never decoded). Read it to the end or call `discard`. */
  body: AsyncIterable<Uint8Array>;
  /** The body as text; fails with `E_NETWORK` when it is larger than `limit` bytes. */
  text(limit: number): Promise<string>;
  discard(): Promise<void>;
}
