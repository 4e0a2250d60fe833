import { Type } from 'typebox'
import { parseStreamArn, type StreamRef } from '../../../consumer/kinesis/stream-ref.ts'
import { workerConfigSchema } from '../../../platform/config/worker.ts'
import { exitCodeOf, NothingFoundError, type StopSignal, UsageError } from '../../errors.ts'

/** The variables that the commands for streams read. */
export const streamConfig = Type.Pick(workerConfigSchema, ['AWS_REGION', 'STREAM_NAME'])

/** Returns the name of the stream on the command line, or of STREAM_NAME. @throws UsageError */
export function streamNameOf(operand: string | undefined, { STREAM_NAME }: { STREAM_NAME: string }): string {
  if (operand === undefined) return STREAM_NAME
  if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(operand)) {
    throw new UsageError(`'${operand}' is not the name of a stream: 1 to 128 letters, digits, '_', '.' and '-'.`)
  }
  return operand
}

/**
 * Returns the stream on the command line, by its name or its ARN, or that of STREAM_NAME.
 *
 * @throws UsageError
 */
export function streamOf(
  operand: string | undefined,
  config: { STREAM_NAME: string; AWS_REGION: string },
): StreamRef & { account: string | undefined } {
  if (!operand?.startsWith('arn:')) {
    return { streamName: streamNameOf(operand, config), streamArn: undefined, account: undefined }
  }
  const parsed = parseStreamArn(operand)
  if (!parsed) {
    throw new UsageError(`'${operand}' is not the ARN of a stream: arn:aws:kinesis:REGION:ACCOUNT:stream/NAME.`)
  }
  const { streamName, account, region } = parsed
  if (region === config.AWS_REGION) return { streamName, streamArn: operand, account }
  throw new UsageError(
    `The stream '${operand}' is in ${region}, but AWS_REGION is ${config.AWS_REGION}. Set AWS_REGION=${region}.`,
  )
}

export function isNoStream(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ResourceNotFoundException'
}

export function noStreamError(streamName: string, cause: Error, hint = ''): NothingFoundError {
  return new NothingFoundError(
    `There is no stream '${streamName}'. Check its name, AWS_REGION, and the account of the credentials.${hint}`,
    { cause },
  )
}

/**
 * Runs a function with a signal that fires at the first Ctrl-C or SIGTERM. A second one ends the process as usual.
 *
 * @param run its second argument returns the exit code after the signal
 */
export async function untilInterrupted<T>(
  run: (interrupted: AbortSignal, exitCode: () => number) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  let received: StopSignal = 'SIGINT'
  const interrupt = (signal: StopSignal) => {
    received = signal
    for (const name of SIGNALS) process.off(name, interrupt)
    controller.abort()
  }
  for (const name of SIGNALS) process.on(name, interrupt)
  try {
    return await run(controller.signal, () => exitCodeOf(received))
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt)
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
