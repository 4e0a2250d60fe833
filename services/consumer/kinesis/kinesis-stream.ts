import type { RecordsReply, StreamReader } from '../stream.ts'
import { UNNAMED } from './cbor/error-reply.ts'
import { CborRefusedError, createCborRecords } from './cbor-records.ts'
import { createSdkStream, type SdkStreamSettings } from './sdk-stream.ts'

export interface KinesisStreamSettings extends SdkStreamSettings {
  /** Called once, when the endpoint turns out not to support CBOR. From then on, records are read through the SDK. */
  onFallback(error: CborRefusedError): void
}

/**
 * Number of calls that fail in CBOR without a named error and succeed through the SDK, after which the endpoint counts
 * as one without CBOR. moto is such an endpoint: it answers 500 with an HTML page. A single failure may have other
 * causes.
 */
const MAX_UNNAMED = 3

/**
 * Creates a reader that polls a Kinesis stream: records over the CBOR wire format of Kinesis, and everything else
 * through the SDK. If the endpoint does not support CBOR, records are read through the SDK, too.
 */
export function createKinesisStream({ onFallback, ...settings }: KinesisStreamSettings): StreamReader {
  const sdk = createSdkStream(settings)
  const getCborRecords = createCborRecords(settings)
  let speaksCbor = true
  /** True once the endpoint has answered in CBOR. Later failures then have other causes. */
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
        const message = `Kinesis failed ${unnamed} times with CBOR and never with JSON.`
        fallBack(new CborRefusedError(message, { cause: error }))
      }
      return reply
    }
  }

  return { ...sdk, getRecords }
}

/** An endpoint that sends no error name over CBOR, for example for an expired iterator, may send one to the SDK. */
function isUnnamed(error: unknown): error is Error {
  return error instanceof Error && error.name === UNNAMED
}
