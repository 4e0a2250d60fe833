import { brokenFates, type Expected } from './fates.ts'
import { type Found, indexOf } from './found.ts'
import type { Inventory } from './inventory.ts'
import type { Ledger, LedgerEntry, LedgerFile } from './ledger.ts'

export interface CheckSettings {
  /**
   * `allowed`: an unsuccessful request may have left an object without a record, or a record whose event was never
   * published. `swept`: the sweep of orphans has run since. Nothing may be left except the tombstones with which it
   * gives up unrecorded objects.
   */
  orphans: 'allowed' | 'swept'
}

/** Returns the violations of the guarantees that the evidence shows, as sentences. */
export function findViolations(ledger: Ledger, inventory: Inventory, settings: CheckSettings): string[] {
  const found = indexOf(inventory)
  const sent = new Map(
    ledger.entries.flatMap(entry => entry.files.map(file => [`${entry.owner}/${file.filename}`, { entry, file }])),
  )
  return [
    ...ledger.entries.flatMap(entry => brokenAnswers(entry, found, settings)),
    ...foreignRecords(ledger, inventory, sent, settings),
    ...foreignSources(inventory, found, sent, settings),
    ...foreignResults(inventory, found),
    ...foreignLetters(inventory, found),
    ...badExits(ledger),
  ]
}

type Sent = ReadonlyMap<string, { entry: LedgerEntry; file: LedgerFile }>

/** Checks one request against its answer. */
function brokenAnswers(entry: LedgerEntry, found: Found, settings: CheckSettings): string[] {
  const { answer, files, owner, n } = entry
  const uploadIds = answer.outcome === 'accepted' || answer.outcome === 'partly' ? answer.uploadIds : []
  const wrong: string[] = []
  if (answer.outcome === 'accepted' && new Set(uploadIds).size !== files.length) {
    wrong.push(
      `upload ${n} has ${files.length} files and was answered with the ids ${uploadIds.join(', ') || 'of none'}`,
    )
  }
  if (entry.lookedUp === 404) wrong.push(`upload ${n} was accepted and, right after, not to be found`)
  for (const uploadId of uploadIds) {
    const record = found.records.get(uploadId)
    if (!record) wrong.push(`upload ${n} was accepted as ${uploadId}, and there is no record of it`)
    else if (record.owner !== owner) wrong.push(`upload ${n} was accepted as ${uploadId}, which is of another owner`)
    else if (record.status === 'deleted' && !(uploadId in entry.deletions)) {
      wrong.push(`upload ${n} was accepted as ${uploadId}, which is deleted, and nobody has asked for that`)
    } else if (record.status !== 'deleted' && !files.some(file => file.filename === record.filename)) {
      wrong.push(`upload ${n} was accepted as ${uploadId}, which is called ${record.filename}`)
    }
  }
  for (const file of files) {
    const records = found.named.get(`${owner}/${file.filename}`) ?? []
    if (records.length > 1)
      wrong.push(`${file.filename} was sent as one upload and is recorded ${records.length} times`)
    if (answer.outcome === 'refused' && records.some(({ status }) => status !== 'pending')) {
      wrong.push(`${file.filename} was refused (${answer.why}) and is recorded as ${records[0]?.uploadId}`)
    }
    const isKnown = (uploadId: string) => uploadIds.includes(uploadId)
    for (const record of records) {
      wrong.push(
        ...brokenFates(record, file, expectedOf(entry, record.uploadId, isKnown(record.uploadId), settings), found),
      )
    }
  }
  for (const [uploadId, deletion] of Object.entries(entry.deletions)) {
    if (deletion === 'not found') wrong.push(`upload ${n} was accepted as ${uploadId}, and its deletion found nothing`)
    const record = found.records.get(uploadId)
    if (record?.status === 'deleted' && record.key !== undefined) {
      wrong.push(`the deletion of ${uploadId} was never finished`)
    }
  }
  return wrong
}

function expectedOf(entry: LedgerEntry, uploadId: string, isAccepted: boolean, { orphans }: CheckSettings): Expected {
  const isInSteps = entry.format === 'grant' || entry.format === 'tus'
  return {
    mayBeDeleted: uploadId in entry.deletions,
    mustBeDeleted: entry.deletions[uploadId] === 'deleted',
    mayBePending: !isAccepted && isInSteps,
    mayBeUnpublished: !isAccepted && orphans === 'allowed',
  }
}

/** Tombstones have no file name and are identified by their ids. */
function foreignRecords({ entries }: Ledger, { records }: Inventory, sent: Sent, { orphans }: CheckSettings): string[] {
  const asked = new Set(entries.flatMap(({ deletions }) => Object.keys(deletions)))
  return records
    .filter(({ owner, filename, uploadId, status }) =>
      status === 'deleted' ? orphans !== 'swept' && !asked.has(uploadId) : !sent.has(`${owner}/${filename}`),
    )
    .map(({ owner, uploadId, status }) => `nobody has made or deleted the record ${owner}/${uploadId} (${status})`)
}

function foreignSources({ sources }: Inventory, found: Found, sent: Sent, { orphans }: CheckSettings): string[] {
  return sources.flatMap(({ key }) => {
    const record = found.byKey.get(key)
    if (record && record.status !== 'deleted') return []
    const isBegun = found.records.get(tailOf(key) ?? '')?.status === 'pending'
    return isBegun || (orphans === 'allowed' && mayBeOrphan(key, found, sent))
      ? []
      : [`the object ${key} belongs to no upload`]
  })
}

/** Returns the upload id of an object that holds the tail of a running tus upload. */
function tailOf(key: string): string | undefined {
  const [folder, , uploadId] = key.split('/')
  return folder === 'tails' ? uploadId : undefined
}

function mayBeOrphan(key: string, found: Found, sent: Sent): boolean {
  const tail = tailOf(key)
  if (tail !== undefined) return found.records.has(tail)
  const [, owner, , filename] = key.split('/')
  const entry = sent.get(`${owner}/${filename}`)?.entry
  return entry !== undefined && (entry.answer.outcome !== 'accepted' || (entry.attempts ?? 1) > 1)
}

function foreignResults({ results }: Inventory, found: Found): string[] {
  return results.flatMap(({ key }) => {
    const record = found.byResult.get(key)
    return record?.status === 'processed' ? [] : [`the processed object ${key} belongs to no processed upload`]
  })
}

function foreignLetters({ letters }: Inventory, found: Found): string[] {
  return letters.flatMap(({ key, uploadId = '' }) => {
    const status = found.records.get(uploadId)?.status
    return status === 'failed' || status === 'deleted' ? [] : [`the dead letter ${key} is of no upload that failed`]
  })
}

function badExits({ exits }: Ledger): string[] {
  return exits.flatMap(({ process, asked, code, signal, served }) => {
    const how = signal ?? `code ${code}`
    if (asked === 'SIGTERM') return code === 0 ? [] : [`${process} was asked to stop and ended with ${how}`]
    // A process that does not start is started again by its supervisor.
    return served ? [`${process} ended by itself with ${how}`] : []
  })
}
