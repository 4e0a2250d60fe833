/** Finds the next occurrence of a character in a text. */
export interface NextOccurrence {
  /** Takes another text. */
  reset(text: string): void
  /** Returns the first position at or after `from` where the character stands, or the length of the text. */
  from(from: number): number
}

/**
 * Remembers the last answer: in a file without quotes, each row would otherwise search the rest of the text for one. Going
 * back by some characters searches these characters only.
 *
 * @param character one character; empty: it never occurs
 */
export function createNextOccurrence(character: string): NextOccurrence {
  let text = ''
  // No occurrence stands between `since` and `at`.
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
