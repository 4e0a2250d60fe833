import { hostname, userInfo } from 'node:os'
import { Type } from 'typebox'
import { type ConsumerAdmin, LeaseTableMissingError, type Pause, type PauseOutcome } from '../../consumer/index.ts'
import { workerConfigSchema } from '../../platform/config/worker.ts'
import { didYouMean } from '../../platform/did-you-mean.ts'
import { withAws } from '../aws.ts'
import { defineCommand } from '../command.ts'
import { exitCodes, NothingFoundError, noLeaseTableError, UsageError } from '../errors.ts'
import { nameText, type Output } from '../output.ts'
import { type AdminCommandOptions, adminOptions, createAdmin } from './admin-options.ts'

const config = Type.Pick(workerConfigSchema, ['AWS_REGION', 'STREAM_NAME', 'APPLICATION_NAME'])

const options = {
  application: {
    type: 'string',
    value: 'NAME',
    description: 'the application, instead of that of APPLICATION_NAME',
  },
  ...adminOptions,
  worker: { type: 'string', value: 'ID', description: 'only this worker. `headgate leases` shows the ids' },
  by: { type: 'string', value: 'WHO', description: 'who does this. By default your user name and this host' },
} as const

interface PauseCommandOptions extends AdminCommandOptions {
  application?: string | undefined
  worker?: string | undefined
  by?: string | undefined
  reason?: string | undefined
  'without-lease'?: boolean | undefined
}

export const pause = defineCommand({
  name: 'pause',
  summary: 'stop the processing of records, of all workers or of one, until `headgate resume`',
  details: `The workers stop reading the stream within about two seconds. Handlers that run end, records that were read wait in memory, and the
workers keep their leases. The pause survives restarts of the workers. Workers of KCL ignore it. The records stay in the stream only for
its retention period: 24 hours, unless it is configured otherwise.

If no lease has a worker with the id of --worker, nothing is written, and the exit code is 1.`,
  options: {
    ...options,
    reason: {
      type: 'string',
      value: 'TEXT',
      description: 'the reason, which `headgate leases` shows to others. Required',
    },
    'without-lease': {
      type: 'boolean',
      description: 'also pause a worker that holds no lease now, such as one that starts later',
    },
  },
  config,
  async run({ options, config, output }) {
    if (options.reason === undefined) throw new UsageError('Give the reason of the pause with --reason TEXT.')
    return await write(true, options, config, output)
  },
})

export const resume = defineCommand({
  name: 'resume',
  summary: 'continue the processing of records after `headgate pause`',
  details: `Ends the pause of the application, or with --worker that of one worker. Workers that were paused alone stay paused when the application
is resumed. If nothing is paused, the command says so, and the exit code is 0.`,
  options: { ...options, reason: { type: 'string', value: 'TEXT', description: 'why. Optional' } },
  config,
  async run({ options, config, output }) {
    return await write(false, options, config, output)
  },
})

async function write(
  isPause: boolean,
  options: PauseCommandOptions,
  config: { AWS_REGION: string; STREAM_NAME: string; APPLICATION_NAME: string },
  output: Output,
): Promise<number> {
  const applicationName = options.application ?? config.APPLICATION_NAME
  const table = options['lease-table']
  return await withAws(config, async ({ kinesis, dynamodb }) => {
    const admin = await createAdmin(options, { applicationName, kinesis, dynamodb, config })
    const request = { workerId: options.worker, by: options.by ?? caller(), reason: options.reason ?? 'resumed' }
    try {
      if (isPause && !options['without-lease']) await checkWorker(options.worker, admin)
      const outcome = await (isPause ? admin.pause(request) : admin.resume(request))
      print(isPause, { ...options, applicationName, outcome, output })
    } catch (error) {
      throw error instanceof LeaseTableMissingError ? noLeaseTableError(table ?? applicationName, error) : error
    }
    return exitCodes.done
  })
}

/**
 * A pause of a mistyped id would pause nothing, and a script would continue as if the worker were paused.
 *
 * @throws NothingFoundError if the worker holds no lease
 */
async function checkWorker(worker: string | undefined, admin: ConsumerAdmin): Promise<void> {
  if (worker === undefined) return
  const owners = new Set((await admin.leases()).flatMap(({ leaseOwner }) => leaseOwner ?? []))
  if (owners.has(worker)) return
  throw new NothingFoundError(
    `No lease is held by a worker with the id '${worker}', so nothing is paused.${didYouMean(worker, [...owners], "'")} ` +
      'Check the id with `headgate leases`. To pause a worker that holds no lease now, add --without-lease.',
  )
}

function caller(): string {
  return `${userInfo().username}@${hostname()}`
}

interface Printing {
  applicationName: string
  worker?: string | undefined
  outcome: PauseOutcome
  output: Output
}

function print(isPause: boolean, { applicationName, worker, outcome, output }: Printing): void {
  const { pauses, isWorkerKnown, wasPaused } = outcome
  const what = worker === undefined ? `'${applicationName}'` : `The worker '${worker}' of '${applicationName}'`
  const isPaused = pauses.some(({ workerId }) => workerId === worker)
  const resumed = wasPaused ? `${what} is resumed.` : `${what} was not paused, so nothing is changed.`
  const text = isPause ? `${what} is paused. Its reading stops within about two seconds.` : resumed
  const overruled = `${what} is ${isPaused ? 'paused' : 'not paused'}: another operator wrote at the same time.`
  output.item(
    { applicationName, workerId: worker ?? null, isPaused, wasPaused, pauses: pauses.map(pauseJson) },
    isPaused === isPause ? text : overruled,
  )
  if (!isWorkerKnown)
    output.note(`No lease is held by a worker with the id '${worker}'. Check the id with \`headgate leases\`.`)
  for (const pause of pauses) if (pause.workerId !== worker || !isPause) output.note(pauseText(pause))
}

/** One line about a pause that applies. */
export function pauseText({ workerId, by, reason, at }: Pause): string {
  const what = workerId === undefined ? 'All workers are' : `The worker '${workerId}' is`
  return `${what} paused since ${at.toISOString()} by ${nameText(by)}: ${nameText(reason)}`
}

/** A pause in the output of `--json`. */
export function pauseJson({ workerId, by, reason, at }: Pause): object {
  return { workerId: workerId ?? null, by, reason, at: at.toISOString() }
}
