const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;

/** Base64 (RFC 4648) of at least one byte on one line; undefined for a text that is none. Line breaks are passed over. */
export function plainBase64(text: string): string | undefined {
  const plain = text.replace(/[\r\n]/g, "");
  return BASE64.test(plain) ? plain : undefined;
}
