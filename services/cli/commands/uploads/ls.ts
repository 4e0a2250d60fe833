import { Type } from 'typebox'
import type { Upload, UploadStatus } from '../../../client/index.ts'
import { didYouMean } from '../../../platform/did-you-mean.ts'
import { defineCommand } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { nameText } from '../../output.ts'
import { PROFILE_HELP, profileOption, withClient } from '../../session/connect.ts'
import { sizeText } from '../../sizes.ts'
import { METADATA_VALUE, pairOf } from '../../uploading/metadata-option.ts'

const DEFAULT_LIMIT = 100
const MAX_PAGE = 100
const STATUSES = [
  'pending',
  'stored',
  'queued',
  'scanning',
  'processing',
  'processed',
  'failed',
  'quarantined',
] as const satisfies UploadStatus[]

export const ls = defineCommand({
  name: 'ls',
  group: 'upload',
  summary: 'list your uploads, newest first',
  details: PROFILE_HELP,
  options: {
    status: {
      type: 'string',
      short: 's',
      value: 'STATUS',
      description: `only uploads with this status: ${STATUSES.join(', ')}`,
    },
    metadata: {
      type: 'string',
      short: 'm',
      value: METADATA_VALUE,
      description: 'only uploads whose metadata has this value',
    },
    limit: {
      type: 'string',
      short: 'l',
      value: 'NUMBER',
      description: `how many uploads to list (default: ${DEFAULT_LIMIT})`,
    },
    all: { type: 'boolean', description: 'list all uploads' },
    ...profileOption,
  },
  config: Type.Object({}),
  async run({ options, env, output }) {
    const limit = options.all ? Number.POSITIVE_INFINITY : limitOf(options.limit)
    const status = statusOf(options.status)
    const metadata = options.metadata === undefined ? undefined : pairOf(options.metadata)
    return await withClient({ env, options, output }, async ({ headgate, signal }) => {
      const pageSize = Math.min(limit, MAX_PAGE)
      const uploads: Upload[] = []
      let hasMore = false
      for await (const upload of headgate.list({ status, metadata, pageSize, signal })) {
        hasMore = uploads.length === limit
        if (hasMore) break
        // All columns of a table need all rows. Lines of JSON do not.
        if (output.json) output.item(upload, '')
        uploads.push(upload)
      }
      if (!output.json) {
        output.table(uploads, [
          { title: 'ID', cell: row => row.uploadId },
          { title: 'STATUS', cell: row => row.status },
          { title: 'SIZE', cell: row => sizeText(row.size).padStart(8) },
          { title: 'UPLOADED', cell: row => row.uploadedAt.slice(0, 19).replace('T', ' ') },
          { title: 'NAME', cell: row => nameText(row.filename) },
        ])
      }
      if (uploads.length === 0) output.note('There are no uploads.')
      else if (hasMore) output.note(`These are the newest ${limit}. Add --all or --limit to list more.`)
      return undefined
    })
  },
})

function limitOf(text = String(DEFAULT_LIMIT)): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`--limit must be a number from 1, not '${text}'.`)
}

function statusOf(text: string | undefined): UploadStatus | undefined {
  const status = STATUSES.find(known => known === text)
  if (text !== undefined && status === undefined) {
    throw new UsageError(`--status must be ${STATUSES.join(', ')}, not '${text}'.${didYouMean(text, STATUSES, "'")}`)
  }
  return status
}
