import { isNotificationAttribute } from '../notifications/owed.ts'
import type { UploadRecord } from './record.ts'
import { decodeTrail } from './trail.ts'

/** Returns the record of an unmarshalled item, without the attributes that only the stores use. */
export function toRecord(item: Record<string, unknown>): UploadRecord {
  const { outboxPartition: _partition, outboxClaimedUntil: _claim, ...rest } = item
  const { arrival: _arrival, lockToken: _token, lockedUntil: _until, lockWanted: _wanted, ...known } = rest
  const { trail: attribute, ...record } = known
  for (const name of Object.keys(record)) if (isNotificationAttribute(name)) delete record[name]
  const trail = decodeTrail(attribute)
  return { ...record, ...(trail && { trail }) } as unknown as UploadRecord
}
