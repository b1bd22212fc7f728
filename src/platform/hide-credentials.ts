/**
 * An address as somebody wrote it, for a message: whatever stands before an `@` may be a user name and password, well
 * formed or not, so it becomes `***`, even where that hides a part of a path.
 */
export function hideCredentials(text: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*:)?\/\//i.exec(text)?.[0] ?? "";
  const last = text.lastIndexOf("@");
  return last < scheme.length ? text : `${scheme}***${text.slice(last)}`;
}

/** As `hideCredentials`, for a URL whose reader needs it as it is: an `@` may stand in its path. */
export function hideUserInfo(text: string): string {
  const url = URL.parse(text);
  return url !== null && url.username === "" && url.password === "" ? text : hideCredentials(text);
}
