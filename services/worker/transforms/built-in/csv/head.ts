/** The characters at the start of a file that its dialect is found in, in UTF-16 units. More where these are under three lines. */
const HEAD = 64 * 1024
const LONGEST_HEAD = 1024 ** 2

export interface Head {
  /** The start of the text, without a byte order mark. The same however the text was cut. */
  readonly text: string
  /** True if that is the whole text. */
  readonly isWhole: boolean
}

/** Passes a text on, without a byte order mark. Calls `onHead` with its start before it passes on anything. */
export async function* headFirst(texts: AsyncIterable<string>, onHead: (head: Head) => void): AsyncGenerator<string> {
  let pieces: string[] | undefined = []
  let length = 0
  let size = HEAD
  let isFirst = true
  for await (const text of texts) {
    // A byte order mark is no part of the first column's name.
    const piece = isFirst && text.startsWith('\ufeff') ? text.slice(1) : text
    isFirst = false
    if (!pieces) {
      yield piece
      continue
    }
    pieces.push(piece)
    length += piece.length
    if (length <= size) continue
    const start = pieces.join('')
    pieces = [start]
    while (length > size && size < LONGEST_HEAD && !hasThreeLines(start, size)) size *= 2
    if (length <= size) continue
    pieces = undefined
    onHead({ text: start.slice(0, size), isWhole: false })
    yield start
  }
  if (!pieces) return
  const whole = pieces.join('')
  onHead({ text: whole, isWhole: true })
  yield whole
}

function hasThreeLines(text: string, size: number): boolean {
  const ends = /\r\n|\n|\r/g
  let count = 0
  while (count < 3 && ends.exec(text) && ends.lastIndex <= size) count++
  return count === 3
}
