/** Finds the next occurrence of a character in a text. */
export interface NextOccurrence {
  /** Sets the text to search. */
  reset(text: string): void
  /** Returns the first position of the character at or after `from`, or the length of the text. */
  from(from: number): number
}

/**
 * Remembers the last result. Without that, each row of a file without quotes would search the rest of the text for a quote. A search
 * from an earlier position only searches the characters before the last position.
 *
 * @param character one character, or an empty string for a character that never occurs
 */
export function createNextOccurrence(character: string): NextOccurrence {
  let text = ''
  // There is no occurrence from `since` to `at`.
  let since = 0
  let at = 0

  function search(from: number): number {
    if (from < since) {
      const earlier = text.slice(from, since).indexOf(character)
      if (earlier >= 0) at = from + earlier
    } else {
      const found = text.indexOf(character, from)
      at = found < 0 ? text.length : found
    }
    since = from
    return at
  }

  return {
    reset(next) {
      text = next
      since = 0
      const found = character === '' ? -1 : text.indexOf(character)
      at = found < 0 ? text.length : found
    },
    from: from => (from >= since && from <= at ? at : search(from)),
  }
}
