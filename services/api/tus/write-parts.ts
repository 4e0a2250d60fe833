import type { Hash } from 'node:crypto'
import type { Logger } from '../../platform/log.ts'
import type { TusArrival } from '../../uploads/pending.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'
import type { Checksum } from './checksum.ts'
import type { HeldUpload } from './lock.ts'
import { offsetOf } from './offset.ts'
import type { PartMemory } from './part-memory.ts'
import type { RunningDigests } from './running-digests.ts'
import type { S3Parts } from './s3-parts.ts'

/** Parts on their way to S3 at a time. With the one that fills they are what is in memory: one more breaks the bound of 64 MiB. */
const SENDING = 1

export interface WritePartsSettings {
  parts: S3Parts
  digests: RunningDigests
  memory: PartMemory
  log: Pick<Logger, 'warn'>
}

/**
 * Writes the body of one request into an upload: whole parts to S3, and what fills none into an object of its own. What
 * counts as arrived is what is in the record, and that is written after S3 has the bytes. Resolves to the new offset.
 *
 * A body that ends early has arrived as far as it came. One with a checksum arrives whole or not at all.
 *
 * @throws ChecksumMismatchError, UploadLockedError, NoPartBufferError, and what S3 says
 */
export async function writeParts(
  upload: HeldUpload,
  body: AsyncIterable<Uint8Array>,
  { parts, digests, memory, log }: WritePartsSettings,
  checksum?: Checksum,
): Promise<number> {
  const first = upload.record
  const { size, uploadId } = first
  const { partBytes, tail } = first.arrival
  const start = offsetOf(first)
  const hash: Hash | undefined = digests.at(uploadId, start)
  const sending: Array<Promise<string>> = []
  let arrival: TusArrival = first.arrival
  let part: Buffer | undefined
  let filled = 0
  let received = 0

  /** For the next part: no larger than what can still come. */
  function takeMemory(): Promise<Buffer> {
    const count = arrival.etags.length + sending.length
    return memory.take(Math.max(0, Math.min(partBytes, size - count * partBytes)))
  }

  /** Waits until S3 has the oldest part. */
  async function settleOldest(): Promise<void> {
    const oldest = sending.shift()
    if (!oldest) return
    const { tail: _full, ...rest } = arrival
    arrival = { ...rest, etags: [...arrival.etags, await oldest] }
    // Not where the checksum may yet be wrong: then none of it has arrived.
    if (!checksum) upload.note(arrival)
  }

  /** Waits until a part may be sent, and has an upload to belong to. */
  async function makeWay(): Promise<void> {
    while (sending.length >= SENDING) await settleOldest()
    if (arrival.multipartId === undefined) {
      arrival = { ...arrival, multipartId: await parts.start(first) }
      // Written down before it is used: what is not could never be ended.
      const { multipartId } = arrival
      if (multipartId !== undefined) await upload.write({ ...first.arrival, multipartId })
    }
  }

  async function sendPart(bytes: Buffer): Promise<void> {
    await makeWay().catch((error: unknown) => {
      memory.give(bytes)
      throw error
    })
    const sent = parts.put(first, arrival.multipartId ?? '', arrival.etags.length + sending.length + 1, bytes)
    // A failure is met when its turn comes, and must not count as unhandled until then.
    sent.catch(() => undefined)
    sending.push(sent.finally(() => memory.give(bytes)))
    sending.at(-1)?.catch(() => undefined)
  }

  async function take(chunk: Uint8Array): Promise<void> {
    received += chunk.byteLength
    if (start + received > size) throw new PayloadTooLargeError('The rest of the file', size - start)
    hash?.update(chunk)
    checksum?.take(chunk)
    for (let at = 0; at < chunk.byteLength; ) {
      part ??= await takeMemory()
      const piece = chunk.subarray(at, at + part.length - filled)
      part.set(piece, filled)
      filled += piece.byteLength
      at += piece.byteLength
      const isLast = start + received === size && at === chunk.byteLength
      if (filled === part.length && !(isLast && arrival.multipartId === undefined && sending.length === 0)) {
        const full = part
        part = undefined
        filled = 0
        await sendPart(full)
      }
    }
  }

  /** What fills no part: the end of the file, or the beginning of what comes with the next request. */
  async function putRest(): Promise<void> {
    const bytes = part?.subarray(0, filled) ?? Buffer.alloc(0)
    if (start + received === size) {
      if (arrival.multipartId === undefined) {
        await parts.putWhole(first, bytes)
        const { tail: _stored, ...rest } = arrival
        arrival = { ...rest, wholeObject: true }
      } else if (filled > 0) {
        await sendPart(bytes)
        await settleOldest()
      }
    } else if (filled > 0) {
      const key = await parts.putTail(first, start + received, bytes)
      arrival = { ...arrival, tail: { key, bytes: filled } }
    }
  }

  /** What went wrong is told; what arrived before it need not come again. */
  async function salvage(): Promise<void> {
    await Promise.allSettled(sending)
    digests.drop(uploadId)
    if (checksum || arrival === first.arrival) return
    await upload.write(arrival).catch((err: unknown) => {
      log.warn({ err, uploadId }, 'what arrived could not be written down, and has to come again')
    })
  }

  if (tail) {
    const beginning = await parts.getTail(first)
    if (beginning.byteLength !== tail.bytes)
      throw new TypeError('The beginning of a part is not as it was written down.')
    part = await takeMemory()
    part.set(beginning)
    filled = tail.bytes
  }
  try {
    for await (const chunk of body) await take(chunk)
    while (sending.length > 0) await settleOldest()
    checksum?.verify()
    if (received > 0) await putRest()
  } catch (error) {
    await salvage()
    throw error
  } finally {
    if (part) memory.give(part)
  }
  if (received === 0) return start
  await upload.write(arrival)
  if (hash) digests.keep(uploadId, start + received, hash)
  if (tail && arrival.tail?.key !== tail.key) {
    await parts.deleteTail(first, tail.key).catch((err: unknown) => {
      log.warn({ err, key: tail.key }, 'the beginning of a part stays behind')
    })
  }
  return start + received
}
