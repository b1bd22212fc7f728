/** The seam to the services of this host: HTTP over their unix sockets. The implementation is `socket-http.ts`. */
export interface Sockets {
  /**
   * One GET of `path` from the server behind the socket file `socket`; redirects are not followed. Fails with `E_SOCKET`
   * when there is no such socket, nobody answers, or the body is larger than 64 KiB.
   */
  get(socket: string, path: string, options: { timeoutMs: number; signal: AbortSignal }): Promise<SocketAnswer>;
}

export interface SocketAnswer {
  status: number;
  text: string;
}
