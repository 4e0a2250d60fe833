import type { RecordsReply, StreamReader } from '../stream.ts'
import { UNNAMED } from './cbor/error-reply.ts'
import { CborRefusedError, createCborRecords } from './cbor-records.ts'
import { createSdkStream, type SdkStreamSettings } from './sdk-stream.ts'

export interface KinesisStreamSettings extends SdkStreamSettings {
  /** Told once, when records are read by the SDK from then on, because the endpoint does not do with CBOR. */
  onFallback(error: CborRefusedError): void
}

/**
 * A Kinesis stream, read by polling: records over Kinesis's CBOR wire format, everything else, and records too where the
 * endpoint refuses CBOR, through the SDK.
 */
export function createKinesisStream({ onFallback, ...settings }: KinesisStreamSettings): StreamReader {
  const sdk = createSdkStream(settings)
  const getCborRecords = createCborRecords(settings)
  let speaksCbor = true

  async function getRecords(...call: Parameters<StreamReader['getRecords']>): Promise<RecordsReply> {
    if (!speaksCbor) return await sdk.getRecords(...call)
    try {
      return await getCborRecords(...call)
    } catch (error) {
      if (error instanceof CborRefusedError) {
        if (speaksCbor) onFallback(error)
        speaksCbor = false
      } else if (!isUnnamed(error)) throw error
      return await sdk.getRecords(...call)
    }
  }

  return { ...sdk, getRecords }
}

/** An endpoint that cannot say in CBOR what is wrong, an expired iterator for one, may be able to say it to the SDK. */
function isUnnamed(error: unknown): boolean {
  return error instanceof Error && error.name === UNNAMED
}
