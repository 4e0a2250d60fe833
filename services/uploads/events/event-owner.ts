const START = '"userSub":"'

/** Longer than any event that the api writes. */
const MAX_BYTES = 16 * 1024

/** The longest owner that an event may name, in bytes. */
const MAX_OWNER_BYTES = 4 * 128

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Returns the owner that an upload event names, without decoding the event: for decisions that are made while thousands of events
 * wait. In JSON the text that is searched for cannot occur inside of a string, whose quotes are escaped. What is no event, or
 * is written in another way than the api writes it, has no owner here.
 */
export function ownerOfEvent(data: Uint8Array): string | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, Math.min(data.byteLength, MAX_BYTES))
  const before = bytes.indexOf(START)
  if (before === -1) return undefined
  const start = before + START.length
  const end = bytes.indexOf(QUOTE, start)
  if (end === -1 || end === start || end - start > MAX_OWNER_BYTES) return undefined
  const owner = bytes.subarray(start, end)
  return owner.includes(BACKSLASH) ? undefined : owner.toString()
}
