/** Number of UTF-16 units at the start of a file that are searched for its dialect. It is doubled until they have three lines. */
const HEAD = 64 * 1024
const MAX_HEAD = 1024 ** 2

export interface Head {
  /** The start of the text, without a byte-order mark. It does not depend on how the text is split into pieces. */
  readonly text: string
  /** True if `text` is the whole text. */
  readonly isWhole: boolean
}

/** Passes on a text without its byte-order mark. Calls `onHead` with the start of the text before it yields the first piece. */
export async function* headFirst(texts: AsyncIterable<string>, onHead: (head: Head) => void): AsyncGenerator<string> {
  let pieces: string[] | undefined = []
  let length = 0
  let size = HEAD
  let isFirst = true
  for await (const text of texts) {
    // A byte-order mark does not belong to the name of the first column.
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
    while (length > size && size < MAX_HEAD && !hasThreeLines(start, size)) size *= 2
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
