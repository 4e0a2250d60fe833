/** Runs one invocation of the processor on Lambda, with the event in the variable EVENT, and prints what it returned. */
import type { KinesisStreamEvent } from 'aws-lambda'
import { handler } from '../../../services/worker/lambda.ts'

const event = JSON.parse(process.env.EVENT ?? '') as KinesisStreamEvent
const answer = await handler(event, { getRemainingTimeInMillis: () => 60_000 })
process.stdout.write(`returned ${JSON.stringify(answer)}\n`)
