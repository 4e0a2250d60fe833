import {
  deadNotifications,
  deadRow,
  openArchives,
  type ReplayOutcome,
  replayNotification,
} from '../../../worker/notifications/undelivered.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes, NothingFoundError, UsageError } from '../../errors.ts'
import { checkIds, destinationOption, notificationsConfig } from './arguments.ts'

type Outcome = ReplayOutcome | { outcome: 'would be sent' }

export const replayNotifications = defineCommand({
  name: 'notifications replay',
  summary: 'send notifications again that were given up',
  details: `Makes each notification owed again, with the same id, and removes its dead letter. A worker then sends it. If the destination does not
accept it and 24 hours have passed since the upload got its status, it becomes a dead letter again. A notification of an upload that was deleted
since is only removed. If the command is interrupted, run it again: a notification may then arrive twice.

Exits with 1 if any notification could not be replayed. The others still are.`,
  operands: '[ID…]',
  options: {
    destination: destinationOption,
    all: { type: 'boolean', description: 'all that were given up' },
    'dry-run': { type: 'boolean', description: 'only list what would be sent' },
  },
  config: notificationsConfig,
  async run({ options, operands, config, output }) {
    const { destination } = options
    if (operands.length > 0 === (options.all === true)) {
      throw new UsageError('Give the ids of notifications, or --all. See headgate notifications list --given-up.')
    }
    checkIds(operands)
    return await withAws(config, async clients => {
      const archives = openArchives({ ...clients, bucket: config.PROCESSED_BUCKET, table: config.UPLOADS_TABLE })
      const missing = new Set(operands)
      const counts = new Map<string, number>()
      for await (const found of deadNotifications(archives, destination)) {
        const row = deadRow(found)
        if (!row) {
          counts.set('unreadable', (counts.get('unreadable') ?? 0) + 1)
          output.item({ key: found.key, outcome: 'unreadable' }, `${found.key}  cannot be read by this version`)
        }
        if (!row || (operands.length > 0 && !operands.includes(row.id))) continue
        missing.delete(row.id)
        const { id, uploadId } = row
        const what = { id, destination: row.destination, uploadId }
        const result: Outcome = options['dry-run']
          ? { outcome: 'would be sent' }
          : await replayNotification(found, archives)
        counts.set(result.outcome, (counts.get(result.outcome) ?? 0) + 1)
        output.item({ ...what, ...result }, `${id}  ${row.destination}  ${sentence(result)}`)
      }
      output.note([...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ') || 'Nothing was given up.')
      if (options['dry-run']) output.note('Nothing was changed.')
      if (missing.size > 0) {
        throw new NothingFoundError(
          `There is no dead letter of ${[...missing].join(', ')}${destination ? ` for ${destination}` : ''}.`,
        )
      }
      return counts.has('failed') || counts.has('unreadable') ? exitCodes.failed : exitCodes.done
    })
  },
})

function sentence(result: Outcome): string {
  switch (result.outcome) {
    case 'upload deleted':
      return 'was removed, because its upload is deleted'
    case 'failed':
      return `could not be replayed: ${result.error}`
    default:
      return result.outcome
  }
}
