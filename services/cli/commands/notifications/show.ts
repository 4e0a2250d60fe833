import {
  type Archives,
  deadNotifications,
  deadRow,
  openArchives,
  owedMessage,
  owedNotifications,
  type Undelivered,
} from '../../../worker/notifications/undelivered.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { NothingFoundError, UsageError } from '../../errors.ts'
import { checkIds, notificationsConfig } from './arguments.ts'

export const showNotification = defineCommand({
  name: 'notifications show',
  summary: 'show a notification that a destination has not got: its message and its failures',
  details: 'Prints one result for each destination that has not got it.',
  operands: 'ID',
  options: {},
  config: notificationsConfig,
  async run({ operands, config, output }) {
    const [id, ...more] = operands
    if (id === undefined || more.length > 0) {
      throw new UsageError('Give the id of one notification. See headgate notifications list.')
    }
    checkIds([id])
    return await withAws(config, async clients => {
      const archives = openArchives({ ...clients, bucket: config.PROCESSED_BUCKET, table: config.UPLOADS_TABLE })
      let found = 0
      for await (const { row, message } of matching(archives, id)) {
        found++
        output.item({ ...row, message }, `${describe(row)}\n\n${JSON.stringify(message, null, 2)}`)
      }
      if (found === 0) {
        throw new NothingFoundError(
          `No destination waits for the notification '${id}'. Delivered notifications are not kept.`,
        )
      }
      return undefined
    })
  },
})

async function* matching(archives: Archives, id: string) {
  for await (const row of owedNotifications(archives)) {
    if (row.id !== id) continue
    const message = await owedMessage(archives, row)
    if (message) yield { row, message }
  }
  for await (const found of deadNotifications(archives, undefined)) {
    const row = deadRow(found)
    if (row?.id === id) yield { row, message: found.letter?.notification }
  }
}

function describe(row: Undelivered): string {
  const lines: Array<[string, string | undefined]> = [
    ['id', row.id],
    ['destination', row.destination],
    ['state', row.state],
    ['type', row.type],
    ['upload', `${row.uploadId} of ${row.owner}`],
    ['since', row.timestamp],
    ['attempts', String(row.attempts)],
    ['next', row.nextAttempt],
    ['failure', row.lastFailure],
    ['object', row.key],
  ]
  return lines.flatMap(([name, text]) => (text === undefined ? [] : [`${name.padEnd(13)}${text}`])).join('\n')
}
