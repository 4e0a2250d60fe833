import {
  deadNotifications,
  deadRow,
  openArchives,
  owedNotifications,
  type Undelivered,
} from '../../../worker/notifications/undelivered.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import type { Column } from '../../output.ts'
import { ageText } from '../../times.ts'
import { destinationOption, notificationsConfig } from './arguments.ts'

export const listNotifications = defineCommand({
  name: 'notifications list',
  summary: 'list notifications that a destination has not got',
  details: `Lists what is owed, which Headgate still tries to deliver, and what was given up after 24 hours or after the answer 410.
Delivered notifications are not kept.`,
  options: {
    destination: destinationOption,
    upload: { type: 'string', value: 'ID', description: 'only of this upload' },
    owed: { type: 'boolean', description: 'only what is still tried' },
    'given-up': { type: 'boolean', description: 'only what was given up' },
  },
  config: notificationsConfig,
  async run({ options, config, output }) {
    const { destination, upload } = options
    const all = options.owed === options['given-up']
    return await withAws(config, async clients => {
      const archives = openArchives({ ...clients, bucket: config.PROCESSED_BUCKET, table: config.UPLOADS_TABLE })
      const rows: Undelivered[] = []
      const add = (row: Undelivered) => {
        if (destination !== undefined && row.destination !== destination) return
        if (upload !== undefined && row.uploadId !== upload) return
        // A script gets each row at once. A table needs all of them first, for the width of its columns.
        if (output.json) output.item(row, '')
        else rows.push(row)
      }
      let unreadable = 0
      if (all || options.owed) for await (const row of owedNotifications(archives)) add(row)
      if (all || options['given-up']) {
        for await (const found of deadNotifications(archives, destination)) {
          const row = deadRow(found)
          if (row) add(row)
          else unreadable++
        }
      }
      if (unreadable > 0) output.note(`${unreadable} dead letters cannot be read by this version.`)
      if (output.json) return undefined
      output.table(rows, columns(Date.now()))
      if (rows.length === 0) output.note('No notifications found: every destination has got all of its own.')
      return undefined
    })
  },
})

function columns(now: number): ReadonlyArray<Column<Undelivered>> {
  return [
    { title: 'ID', cell: ({ id }) => id },
    { title: 'DESTINATION', cell: ({ destination }) => destination },
    { title: 'STATE', cell: ({ state }) => state },
    { title: 'TYPE', cell: ({ type }) => type },
    { title: 'UPLOAD', cell: ({ uploadId }) => uploadId },
    { title: 'SINCE', cell: ({ timestamp }) => `${ageText(now - Date.parse(timestamp))} ago` },
    { title: 'ATTEMPTS', cell: ({ attempts }) => String(attempts) },
    { title: 'NEXT', cell: row => nextText(row, now) },
    { title: 'LAST FAILURE', cell: ({ lastFailure = '-' }) => lastFailure },
  ]
}

function nextText({ state, nextAttempt }: Undelivered, now: number): string {
  if (state === 'given up') return '-'
  const inMs = nextAttempt === undefined ? 0 : Date.parse(nextAttempt) - now
  return inMs > 0 ? `in ${ageText(inMs)}` : 'soon'
}
