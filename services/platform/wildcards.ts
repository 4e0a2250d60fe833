/** Compiles a pattern in which `*` matches any characters and `?` matches one. Upper and lower case are the same. */
export function compileWildcards(pattern: string): (text: string) => boolean {
  return compile(pattern, 'isu')
}

/** Compiles a pattern like `compileWildcards`, but upper and lower case differ. */
export function compileCaseSensitiveWildcards(pattern: string): (text: string) => boolean {
  return compile(pattern, 'su')
}

/**
 * The time for a text is bounded by its length times that of the pattern. A single regular expression would try every way to divide a
 * text among the `*`: a name of 255 dashes takes minutes to fail at `*-*-*-*-*.log`, and the client chooses the name.
 */
function compile(pattern: string, flags: string): (text: string) => boolean {
  const parts = pattern.split('*').map(escapePart)
  const [first = '', ...others] = parts
  const last = others.pop()
  if (last === undefined) {
    const whole = new RegExp(`^${first}$`, flags)
    return text => whole.test(text)
  }
  const start = new RegExp(first, `${flags}y`)
  const middle = others.map(part => new RegExp(part, `${flags}g`))
  const end = new RegExp(`${last}$`, `${flags}y`)
  const endLength = [...(pattern.split('*').at(-1) ?? '')].length

  return text => {
    start.lastIndex = 0
    if (!start.test(text)) return false
    let at = start.lastIndex
    // The leftmost match of each part leaves the most room for the parts after it.
    for (const part of middle) {
      part.lastIndex = at
      if (!part.test(text)) return false
      at = part.lastIndex
    }
    end.lastIndex = indexFromEnd(text, endLength)
    return end.lastIndex >= at && end.test(text)
  }
}

function escapePart(part: string): string {
  return part.replace(/[.+?^${}()|[\]\\/]/g, character => (character === '?' ? '.' : `\\${character}`))
}

/** Returns the index at which the last `codePoints` code points of a text begin, or -1 if it has fewer. */
function indexFromEnd(text: string, codePoints: number): number {
  let at = text.length
  for (let left = codePoints; left > 0; left--) {
    if (at <= 0) return -1
    at -= at > 1 && (text.codePointAt(at - 2) ?? 0) > 0xffff ? 2 : 1
  }
  return at
}
