/** Characters as the specification counts them: one beyond the Basic Multilingual Plane is one. */
export function characterCount(text: string): number {
  return [...text].length;
}

/** The beginning of a text, never half a character. */
export function firstCharacters(text: string, limit: number): string {
  return text.length <= limit ? text : [...text].slice(0, limit).join("");
}
