import { heldBack, occurrenceAt } from './delimiters.ts'
import { HeadBuffer } from './head-buffer.ts'
import { malformed } from './malformed.ts'

/** Text before the first delimiter and behind the last, which RFC 2046 says to ignore, in bytes each. */
const MAX_AROUND = 64 * 1024

/** Bytes of a chunk that are copied behind bytes held back. More than can be held back. */
const JOINED = 1024

/** What a form consists of, in its order. Parts are numbered from 1. */
export interface FormSink {
  /** The headers of a part, without the empty line behind them. */
  head(bytes: Buffer, part: number): void
  /** Content of the part whose headers came last. */
  content(bytes: Buffer): void
  /** The part whose headers came last is complete. */
  partEnd(): void
}

/** Reads the structure of a form as its bytes arrive. Keeps no more than the headers of one part, or some hundred bytes of content. */
export interface FormScanner {
  /** @throws ProblemError where the structure is damaged */
  push(chunk: Buffer): void
  /** @throws ProblemError where the form is not complete, or parts stand outside of its delimiters */
  end(): void
}

type State = 'before' | 'head' | 'content' | 'behind'

/** @param boundary as the Content-Type has it */
export function createFormScanner(boundary: string, sink: FormSink): FormScanner {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  const needle = delimiter.subarray(2)
  let state: State = 'before'
  let part = 0
  /** Bytes that the sink has not got yet. */
  let rest: Buffer = Buffer.alloc(0)
  /** How much of `rest` is known to hold no delimiter. */
  let searched = 0
  /** The position of `rest` in the form. */
  let offset = 0
  /** The byte before `rest`. Undefined at the start of the form and of a content. */
  let before: number | undefined
  let head = new HeadBuffer()
  const around = {
    before: createAround('before its first delimiter'),
    behind: createAround('behind its last delimiter'),
  }

  function advance(bytes: number): void {
    if (bytes === 0) return
    before = rest[bytes - 1]
    rest = rest.subarray(bytes)
    offset += bytes
  }

  /** Tells of the next bytes of `rest`, which are content or outside of the parts. */
  function pass(bytes: number): void {
    if (bytes > 0 && state === 'content') sink.content(rest.subarray(0, bytes))
    else if (state === 'before' || state === 'behind') around[state].add(rest.subarray(0, bytes))
    advance(bytes)
  }

  /** @returns whether a delimiter was found */
  function search(isWhole: boolean): boolean {
    for (;;) {
      const at = rest.indexOf(needle, searched)
      if (at === -1) {
        pass(isWhole ? rest.length : rest.length - heldBack(rest, delimiter))
        searched = 0
        return false
      }
      const found = occurrenceAt({ bytes: rest, at, length: needle.length, before, isWhole, offset })
      if (found.is === 'content') {
        searched = at + 1
        continue
      }
      if (found.is === 'unknown') {
        const kept = Math.max(0, at - 2)
        pass(kept)
        searched = at - kept
        return false
      }
      pass(found.start)
      advance(found.end - found.start)
      searched = 0
      if (state === 'content') sink.partEnd()
      else around.before.end()
      state = found.is === 'close' ? 'behind' : 'head'
      if (state === 'head') part++
      return true
    }
  }

  /** @returns whether the headers are complete */
  function collectHead(): boolean {
    const taken = head.take(rest, part, offset)
    advance(taken.bytes)
    if (!taken.isComplete) return false
    if (taken.head.includes(delimiter) || taken.head.subarray(0, needle.length).equals(needle)) {
      throw malformed(`The headers of part ${part} are cut off by a line that begins with the boundary.`)
    }
    sink.head(taken.head, part)
    head = new HeadBuffer()
    state = 'content'
    before = undefined
    return true
  }

  function scan(isWhole: boolean): void {
    let goesOn = true
    while (goesOn && state !== 'behind') goesOn = state === 'head' ? collectHead() : search(isWhole)
    if (state === 'behind') pass(rest.length)
  }

  return {
    push(chunk) {
      let next = chunk
      // Bytes that were held back are joined with the start of the chunk, so that the chunk itself is not copied.
      while (rest.length > 0 && next.length > JOINED) {
        rest = Buffer.concat([rest, next.subarray(0, JOINED)])
        next = next.subarray(JOINED)
        scan(false)
      }
      rest = rest.length === 0 ? next : Buffer.concat([rest, next])
      scan(false)
    },

    end() {
      scan(true)
      if (state === 'before') throw malformed(`The form has no line "--${boundary}", which its Content-Type announces.`)
      if (state === 'head') throw malformed(`The form is cut off inside the headers of part ${part}.`)
      if (state === 'content') {
        throw malformed(
          `The form is cut off in part ${part}: after ${offset} bytes its last line "--${boundary}--" has not come.`,
        )
      }
      around.behind.end(needle)
    },
  }
}

/** Keeps the text around the parts until it is known whether there is a part in it. */
function createAround(where: string) {
  const chunks: Buffer[] = []
  let size = 0
  return {
    add(bytes: Buffer): void {
      size += bytes.length
      if (size > MAX_AROUND) throw malformed(`The form has more than ${MAX_AROUND} bytes ${where}.`)
      chunks.push(bytes)
    },
    /** @throws ProblemError where the text has the header of a part, or another delimiter */
    end(needle?: Buffer): void {
      const text = Buffer.concat(chunks)
      const at = needle ? text.indexOf(needle) : -1
      const isDelimiter =
        needle !== undefined &&
        at !== -1 &&
        text.toString('latin1', at + needle.length, at + needle.length + 2) !== '--'
      if (isDelimiter || /^content-disposition[ \t]*:/im.test(text.toString('latin1'))) {
        throw malformed(`The form has a part ${where}.`)
      }
    },
  }
}
