import { detectType, HEAD_BYTES, looksLikeText } from '../../uploads/media-types/detect-type.ts'
import { essenceOf, isNeverText, isText } from '../../uploads/media-types/media-type.ts'
import { mediaTypeOf } from '../../uploads/media-types/media-type-of.ts'
import { headOf, readHead } from '../../uploads/media-types/read-head.ts'
import { ProblemError } from '../problems/problem.ts'
import { judgeType } from './type-policy.ts'

export interface InspectedBody<B> {
  /** The same bytes. A stream fails before its first byte if the type is not allowed. */
  body: B
  /** Returns the type that the first bytes show, once they have been read. */
  detectedType(): string | undefined
}

export interface TypeInspector {
  /** @throws ProblemError if the type is not allowed */
  whole(body: Uint8Array, claimed: string): Promise<InspectedBody<Uint8Array>>
  streamed(body: AsyncIterable<Uint8Array>, claimed: string): InspectedBody<AsyncIterable<Uint8Array>>
}

/**
 * Inspects the first bytes of files before anything is stored. Holds a few thousand bytes of each file, for a moment.
 *
 * @param rule the rule of UPLOAD_POLICIES that allows these types
 */
export function createTypeInspector(allowed: readonly string[], rule?: string): TypeInspector {
  /** @throws ProblemError */
  async function inspect(head: Uint8Array, claimed: string): Promise<string | undefined> {
    // Most files that are sent as JSON are texts. This check is cheap for them. A PDF may start like a text.
    const isTextAsDeclared = isText(essenceOf(claimed)) && head[0] !== PERCENT && looksLikeText(head)
    const detected = isTextAsDeclared || head.length === 0 ? undefined : await detectType(head)
    const isPlainText = detected === undefined && isNeverText(essenceOf(claimed)) && isPlain(head)
    // Most deployments allow every type, and bytes that show their type decide alone. Only otherwise the type is searched further.
    const isOpen = allowed.length > 0 && detected === undefined
    const found = isOpen ? (await mediaTypeOf(head, { declared: claimed })).mediaType : undefined
    const verdict = judgeType({ claimed, detected, found, isPlainText }, allowed)
    if (verdict === 'contradicted') {
      const detail = `The content type of the file is ${essenceOf(claimed)}, but its bytes are those of ${detected ?? 'a text'}.`
      throw new ProblemError('content-type-contradicted', detail)
    }
    if (verdict === 'not-allowed') {
      const shown = detected === undefined ? 'its bytes show no other type' : `its bytes are those of ${detected}`
      const detail = `The content type of the file is ${essenceOf(claimed)}, and ${shown}. ${rule === undefined ? 'These types are allowed' : `The rule "${rule}" allows these types`}: ${allowed.join(', ')}.`
      throw new ProblemError('content-type-not-allowed', detail)
    }
    return detected
  }

  return {
    async whole(body, claimed) {
      const detected = await inspect(body.subarray(0, HEAD_BYTES), claimed)
      return { body, detectedType: () => detected }
    },

    streamed(body, claimed) {
      let detected: string | undefined
      async function* inspected(): AsyncGenerator<Uint8Array> {
        const source = body[Symbol.asyncIterator]()
        try {
          const { chunks, done } = await readHead(source, HEAD_BYTES)
          detected = await inspect(headOf(chunks, HEAD_BYTES), claimed)
          yield* chunks
          if (!done) yield* { [Symbol.asyncIterator]: () => source }
        } finally {
          await source.return?.()
        }
      }
      return { body: inspected(), detectedType: () => detected }
    },
  }
}

const PERCENT = 0x25

/** True for a plain text. A PDF may have a few lines of text before its header. */
function isPlain(head: Uint8Array): boolean {
  return head.length > 0 && looksLikeText(head) && !Buffer.from(head).includes('%PDF-')
}
