import { heldBack, occurrenceAt } from './delimiters.ts'
import { HeadBuffer } from './head-buffer.ts'
import { malformed } from './malformed.ts'

/** Maximum size of the text before the first delimiter and of the text after the last, in bytes each. RFC 2046 says to ignore it. */
const MAX_AROUND = 64 * 1024

/** Number of bytes of a chunk that are copied after bytes that were held back. Greater than what can be held back. */
const JOINED = 1024

/** Receives the parts of a form in order. Parts are numbered from 1. */
export interface FormSink {
  /** The headers of a part, without the empty line after them. */
  head(bytes: Buffer, part: number): void
  /** Content of the current part. */
  content(bytes: Buffer): void
  /** The current part is complete. */
  partEnd(): void
}

/** Reads the structure of a form while it arrives. Keeps at most the headers of one part, or a few hundred bytes of content. */
export interface FormScanner {
  /** @throws ProblemError if the structure is damaged */
  push(chunk: Buffer): void
  /** @throws ProblemError if the form is incomplete, or has parts outside of its delimiters */
  end(): void
}

type State = 'before' | 'head' | 'content' | 'behind'

/** @param boundary the boundary in the Content-Type */
export function createFormScanner(boundary: string, sink: FormSink): FormScanner {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  const needle = delimiter.subarray(2)
  let state: State = 'before'
  let part = 0
  /** The bytes that the sink has not received yet. */
  let rest: Buffer = Buffer.alloc(0)
  /** The length of the start of `rest` that contains no delimiter. */
  let searched = 0
  /** The position of `rest` in the form. */
  let offset = 0
  /** The byte before `rest`. Undefined at the start of the form and of a content. */
  let before: number | undefined
  let head = new HeadBuffer()
  const around = {
    before: createAround('before its first delimiter'),
    behind: createAround('after its last delimiter'),
  }

  function advance(bytes: number): void {
    if (bytes === 0) return
    before = rest[bytes - 1]
    rest = rest.subarray(bytes)
    offset += bytes
  }

  /** Passes on the next bytes of `rest`, which are content or outside of the parts. */
  function pass(bytes: number): void {
    if (bytes > 0 && state === 'content') sink.content(rest.subarray(0, bytes))
    else if (state === 'before' || state === 'behind') around[state].add(rest.subarray(0, bytes))
    advance(bytes)
  }

  /** @returns true if a delimiter was found */
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

  /** @returns true if the headers are complete */
  function collectHead(): boolean {
    const taken = head.take(rest, part, offset)
    advance(taken.bytes)
    if (!taken.isComplete) return false
    if (taken.head.includes(delimiter) || taken.head.subarray(0, needle.length).equals(needle)) {
      throw malformed(`The headers of part ${part} are interrupted by a line that starts with the boundary.`)
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
      // Held back bytes are joined with the start of the chunk only, so that the whole chunk need not be copied.
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
      if (state === 'before')
        throw malformed(`The form has no line "--${boundary}", although its Content-Type has this boundary.`)
      if (state === 'head') throw malformed(`The form ends inside the headers of part ${part}.`)
      if (state === 'content') {
        throw malformed(
          `The form ends in part ${part}, after ${offset} bytes, without the last line "--${boundary}--".`,
        )
      }
      around.behind.end(needle)
    },
  }
}

/** Keeps the text around the parts, to check whether it contains a part. */
function createAround(where: string) {
  const chunks: Buffer[] = []
  let size = 0
  return {
    add(bytes: Buffer): void {
      size += bytes.length
      if (size > MAX_AROUND) throw malformed(`The form has more than ${MAX_AROUND} bytes ${where}.`)
      chunks.push(bytes)
    },
    /** @throws ProblemError if the text has the header of a part, or another delimiter */
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
