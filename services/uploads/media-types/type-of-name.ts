import { onFirstUse } from '../../platform/on-first-use.ts'
import { canonicalType } from './type-names.ts'

/** Loaded with the first file whose declared type leaves something open. */
const loadMime = onFirstUse(async () => (await import('mime')).default)

/** Extensions that the table lacks. */
const FURTHER: Readonly<Record<string, string>> = {
  tab: 'text/tab-separated-values',
  ndjson: 'application/x-ndjson',
  jsonl: 'application/x-ndjson',
}

/** The canonical type that belongs to the extension of a file name. Undefined without an extension, and for an unknown one. */
export async function typeOfName(filename: string): Promise<string | undefined> {
  const extension = /\.([A-Za-z0-9_-]{1,32})$/.exec(filename.trimEnd())?.[1]?.toLowerCase()
  if (extension === undefined) return undefined
  const type = FURTHER[extension] ?? (await loadMime()).getType(extension)
  return type === null ? undefined : canonicalType(type)
}
