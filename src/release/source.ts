/**
 * A place that holds releases as plain files in upstream's naming (updater-core §5.2): a base URL, a folder, or several of
 * them one after the other. Nothing that comes from one is believed; see `proof.ts`.
 */
export interface ReleaseSource {
  /** The address or path of a file, for messages and the log; never with credentials. */
  locate(name: string): string;
  /** A small file of fewer than `limit` bytes; undefined when the place has none of that name. */
  readText(name: string, limit: number): Promise<SourceText | undefined>;
  /**
   * An archive, or what is left of one of which a part came from elsewhere. Fails with `E_DOWNLOAD` when the place has none
   * of that name, or another one than was begun.
   */
  open(name: string, begun?: BegunArchive): Promise<SourceArchive>;
  /**
   * Of several places: does `work` with one after the other, until it neither fails nor answers undefined. For what has to come
   * from one place together; `name` is what is asked for, for messages.
   */
  inTurn?<T>(name: string, work: (place: ReleaseSource) => Promise<T | undefined>): Promise<T | undefined>;
  /** Puts the place that answered last behind the others, as what it gave was wrong; false when that was so of all of them. */
  passOver?(): boolean;
}

export interface SourceText {
  text: string;
  /** When the place says that it was last changed. */
  modified: Date | undefined;
  /** The one place that it is from. */
  giver: ReleaseSource;
}

/** An archive of which a part is here already. */
export interface BegunArchive {
  received: number;
  /** Bytes of the whole; undefined when nobody told. */
  length: number | undefined;
}

/** An archive on its way. */
export interface SourceArchive {
  /** Bytes of the whole, as announced. */
  readonly length: number | undefined;
  /** Where its bytes come from, for messages and the log; of several places those that gave some of them. */
  readonly place: string;
  /** It was taken up again after a cut by now, here or from another place, so that its parts may be of two files. */
  readonly isPieced: boolean;
  /** The archive from where it was asked for, in one pass; ends without an error only when all that was announced came. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Lets go of the connection; harmless after the end. */
  discard(): Promise<void>;
}
