import { notificationId } from '../../../services/uploads/notifications/owed.ts'
import type { FoundRecord, Inventory } from './inventory.ts'
import type { Arrival, Ledger, LedgerFile, NotificationLedger } from './ledger.ts'

/** The part of the inventory that concerns notifications. */
export type NotificationInventory = Pick<Inventory, 'records' | 'events' | 'undelivered'>

/**
 * `stopped`: the workers have stopped, and notifications may still be owed. `later`: every notification was retried until
 * it was given up, so healthy receivers have all of them, and the dead ones have dead letters.
 */
export type Stage = 'stopped' | 'later'

/** A notification that must exist: one for each event of an upload that has come to its end. */
interface Due {
  id: string
  record: FoundRecord
  type: 'upload.processed' | 'upload.failed'
  sequenceNumber: string
}

/** Returns the violations of the guarantees about notifications, as sentences. */
export function findNotificationViolations(ledger: Ledger, inventory: NotificationInventory, stage: Stage): string[] {
  if (!ledger.notifications) return []
  const files = new Map(
    ledger.entries.flatMap(({ owner, files }) => files.map(file => [`${owner}/${file.filename}`, file])),
  )
  const possible = idsOf(inventory)
  return [
    ...findLost(ledger.notifications, inventory, stage),
    ...ledger.notifications.arrivals.flatMap(arrival => wrongArrival(arrival, possible, files)),
    ...wrongOrder(ledger.notifications, possible),
    ...wrongLetters(ledger.notifications, inventory, possible),
  ]
}

/** Returns the notifications that a receiver has not got, and that are not kept for it. */
export function findLost(
  { receivers, arrivals }: NotificationLedger,
  inventory: NotificationInventory,
  stage: Stage,
): string[] {
  const accepted = new Set(arrivals.filter(({ isAccepted }) => isAccepted).map(at))
  const letters = new Set(inventory.undelivered.map(at))
  return dueNotifications(inventory).flatMap(({ id, record, type }) =>
    receivers.flatMap(({ name, isHealthy }) => {
      const named = `${id}, ${type} of ${record.uploadId},`
      const place = at({ receiver: name, id })
      const isOwed = record.owed?.some(owed => owed.id === id && owed.receivers.includes(name)) ?? false
      if (stage === 'later' && isOwed) return [`${named} is owed to ${name} although it was retried for a day`]
      if (stage === 'later' && isHealthy && !accepted.has(place)) return [`${named} never came to ${name}`]
      if (accepted.has(place) || letters.has(place) || isOwed) return []
      return [`${named} is lost: ${name} did not accept it, and neither the record nor a dead letter has it`]
    }),
  )
}

const at = ({ receiver, id }: { receiver: string; id: string }) => `${receiver} ${id}`

function dueNotifications({ records, events }: NotificationInventory): Due[] {
  const byUpload = Map.groupBy(events, ({ uploadId }) => uploadId)
  return records.flatMap(record => {
    const { status } = record
    if (status !== 'processed' && status !== 'failed') return []
    const type = `upload.${status}` as const
    return (byUpload.get(record.uploadId) ?? []).map(({ sequenceNumber }) => ({
      ...{ record, type, sequenceNumber },
      id: notificationId(record, type, { sequenceNumber }),
    }))
  })
}

/**
 * Returns the notifications that may have been sent, by their ids. A deleted upload may have had either end, which the
 * content of its file decides.
 */
function idsOf(inventory: NotificationInventory): ReadonlyMap<string, Due> {
  const due = dueNotifications(inventory)
  const records = inventory.records.filter(({ status }) => status === 'deleted')
  const ended = (status: 'processed' | 'failed') =>
    dueNotifications({ ...inventory, records: records.map(record => ({ ...record, status })) })
  return new Map([...due, ...ended('processed'), ...ended('failed')].map(one => [one.id, one]))
}

function wrongArrival(
  arrival: Arrival,
  possible: ReadonlyMap<string, Due>,
  files: ReadonlyMap<string, LedgerFile>,
): string[] {
  const { id, type, owner, uploadId, status, filename, failureCode, outputKeys = [], isSigned, receiver } = arrival
  const named = `${id}, ${type} of ${uploadId}, which came to ${receiver},`
  if (!isSigned) return [`${named} has no valid signature`]
  const known = possible.get(id)
  if (!known || known.type !== type || known.record.uploadId !== uploadId || known.record.owner !== owner) {
    return [`${named} tells of what did not happen`]
  }
  const due = files.get(`${owner}/${filename}`)?.due
  if (!due) return [`${named} is of the file ${filename}, which was not sent`]
  if (type !== `upload.${status}` || due.status !== status) return [`${named} says ${status}, and it is ${due.status}`]
  if (due.status === 'failed' && failureCode !== due.code) return [`${named} says that it failed with ${failureCode}`]
  if (due.status === 'processed' && outputKeys.length === 0) return [`${named} names no output`]
  return []
}

/** The first arrivals at a receiver are in the order of the stream, for each upload. */
function wrongOrder({ arrivals }: NotificationLedger, possible: ReadonlyMap<string, Due>): string[] {
  const accepted = arrivals.filter(({ isAccepted }) => isAccepted)
  const groups = Map.groupBy(accepted, ({ receiver, uploadId }) => `${uploadId} at ${receiver}`)
  return [...groups].flatMap(([place, arrived]) => {
    const sequence = [...new Set(arrived.map(({ id }) => id))].map(id => BigInt(possible.get(id)?.sequenceNumber ?? 0))
    const isOrdered = sequence.every((number, index) => index === 0 || number > (sequence[index - 1] ?? 0n))
    return isOrdered ? [] : [`the notifications of ${place} came in another order than their events`]
  })
}

function wrongLetters(
  { receivers }: NotificationLedger,
  { undelivered }: NotificationInventory,
  possible: ReadonlyMap<string, Due>,
): string[] {
  const healthy = new Set(receivers.filter(({ isHealthy }) => isHealthy).map(({ name }) => name))
  return undelivered.flatMap(({ receiver, id, key }) => {
    if (healthy.has(receiver)) return [`the notification ${id} was given up for ${receiver}, which was only flaky`]
    return possible.has(id) ? [] : [`the dead letter ${key} tells of what did not happen`]
  })
}
