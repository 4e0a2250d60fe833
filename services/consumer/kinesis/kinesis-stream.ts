import type { RecordsReply, StreamReader } from '../stream.ts'
import { UNNAMED } from './cbor/error-reply.ts'
import { CborRefusedError, createCborRecords } from './cbor-records.ts'
import { createSdkStream, type SdkStreamSettings } from './sdk-stream.ts'

export interface KinesisStreamSettings extends SdkStreamSettings {
  /** Called once, when the endpoint turns out not to speak CBOR. From then on records are read through the SDK. */
  onFallback(error: CborRefusedError): void
}

/**
 * Number of calls that fail in CBOR without a named error and succeed through the SDK, after which the endpoint counts as
 * one that does not speak CBOR. moto is such an endpoint: it answers 500 with a page of HTML. One such call may be an accident.
 */
const MAX_UNNAMED = 3

/**
 * Reads a Kinesis stream by polling: records over Kinesis's CBOR wire format, and everything else through the SDK. Where the
 * endpoint refuses CBOR, records are read through the SDK, too.
 */
export function createKinesisStream({ onFallback, ...settings }: KinesisStreamSettings): StreamReader {
  const sdk = createSdkStream(settings)
  const getCborRecords = createCborRecords(settings)
  let speaksCbor = true
  /** An endpoint that has once answered in CBOR keeps to it: what it fails with later has other causes. */
  let hasSpoken = false
  let unnamed = 0

  function fallBack(error: CborRefusedError): void {
    if (speaksCbor) onFallback(error)
    speaksCbor = false
  }

  async function getRecords(...call: Parameters<StreamReader['getRecords']>): Promise<RecordsReply> {
    if (!speaksCbor) return await sdk.getRecords(...call)
    try {
      const reply = await getCborRecords(...call)
      hasSpoken = true
      return reply
    } catch (error) {
      if (error instanceof CborRefusedError) {
        fallBack(error)
        return await sdk.getRecords(...call)
      }
      if (!isUnnamed(error)) throw error
      const reply = await sdk.getRecords(...call)
      if (!hasSpoken && ++unnamed >= MAX_UNNAMED) {
        const message = `Kinesis has failed ${unnamed} times in CBOR and never in JSON.`
        fallBack(new CborRefusedError(message, { cause: error }))
      }
      return reply
    }
  }

  return { ...sdk, getRecords }
}

/** An endpoint that cannot say in CBOR what is wrong, an expired iterator for one, may be able to say it to the SDK. */
function isUnnamed(error: unknown): error is Error {
  return error instanceof Error && error.name === UNNAMED
}
