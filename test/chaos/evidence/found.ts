import { processedKey } from '../../../services/uploads/objects/keys.ts'
import type { FoundLetter, FoundObject, FoundRecord, FoundResult, Inventory } from './inventory.ts'

/** An inventory with indexes. */
export interface Found {
  /** By upload id. */
  records: ReadonlyMap<string, FoundRecord>
  /** Records that have a file name, by owner and file name. */
  named: ReadonlyMap<string, FoundRecord[]>
  /** By the key of the source object. */
  byKey: ReadonlyMap<string, FoundRecord>
  /** By the keys of the processed objects. The key of the main output is included even if the object does not exist. */
  byResult: ReadonlyMap<string, FoundRecord>
  sources: ReadonlyMap<string, FoundObject>
  results: ReadonlyMap<string, FoundResult>
  /** By upload id. */
  letters: ReadonlyMap<string, FoundLetter[]>
  /** The ids of the uploads that have an event on the stream. */
  published: ReadonlySet<string>
}

export function indexOf({ records, sources, results, letters, events }: Inventory): Found {
  const keyed = records.flatMap(
    (record): Array<[string, FoundRecord]> => (record.key === undefined ? [] : [[record.key, record]]),
  )
  return {
    records: new Map(records.map(record => [record.uploadId, record])),
    named: Map.groupBy(
      records.filter(({ filename, status }) => filename !== undefined && status !== 'deleted'),
      ({ owner, filename }) => `${owner}/${filename}`,
    ),
    byKey: new Map(keyed),
    byResult: new Map(
      keyed.flatMap(([key, record]) =>
        [processedKey(key), ...(record.furtherKeys ?? [])].map((result): [string, FoundRecord] => [result, record]),
      ),
    ),
    sources: new Map(sources.map(object => [object.key, object])),
    results: new Map(results.map(result => [result.key, result])),
    letters: Map.groupBy(letters, ({ uploadId = '' }) => uploadId),
    published: new Set(events.map(({ uploadId }) => uploadId)),
  }
}
