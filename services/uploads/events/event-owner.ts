const START = '"userSub":"'

/** How much of a record is searched, in bytes. Longer than any event that the api writes. */
const MAX_BYTES = 16 * 1024

/** Maximum length of an owner, in bytes. */
const MAX_OWNER_BYTES = 4 * 128

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Returns the owner that an upload event names, without decoding the event, because thousands of events may wait. The text that is
 * searched for can't occur inside of a JSON string, in which quotes are escaped. Records that the api did not write have no owner.
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
