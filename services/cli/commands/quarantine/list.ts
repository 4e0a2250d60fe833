import { createQuarantineStore } from '../../../uploads/records/quarantine-store.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { nameText } from '../../output.ts'
import { ageText } from '../../times.ts'
import { type QuarantinedUpload, quarantineConfig, rowOf } from './find.ts'

export const listQuarantine = defineCommand({
  name: 'quarantine list',
  summary: 'list uploads in which the scanner found malware',
  details: 'Lists the uploads of all users, the newest first. A released or deleted upload is not listed.',
  options: {
    owner: { type: 'string', value: 'SUB', description: 'only of this user' },
    signature: { type: 'string', value: 'NAME', description: 'only with this malware' },
  },
  config: quarantineConfig,
  async run({ options: { owner, signature }, config, output }) {
    return await withAws(config, async ({ dynamodb }) => {
      const rows: QuarantinedUpload[] = []
      for await (const upload of createQuarantineStore({ dynamodb, table: config.UPLOADS_TABLE }).list()) {
        const row = rowOf(upload)
        if (owner !== undefined && row.owner !== owner) continue
        if (signature !== undefined && row.signature !== signature) continue
        rows.push(row)
      }
      rows.sort((one, other) => (one.at < other.at ? 1 : -1))
      if (output.json) {
        for (const row of rows) output.item(row, '')
        return undefined
      }
      const now = Date.now()
      output.table(rows, [
        { title: 'ID', cell: row => row.uploadId },
        { title: 'SIGNATURE', cell: row => row.signature },
        { title: 'FOUND', cell: row => `${ageText(now - Date.parse(row.at))} ago` },
        { title: 'OWNER', cell: row => row.owner },
        { title: 'NAME', cell: row => nameText(row.filename) },
      ])
      if (rows.length === 0) output.note('No upload is in quarantine.')
      return undefined
    })
  },
})
