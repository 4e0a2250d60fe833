import { account } from '../account.ts'

export const ACCOUNT_ID = '000000000000'

/** The only event bus. */
export const DEFAULT_BUS = 'default'

const prefix = `arn:aws:events:${account.region}:${ACCOUNT_ID}`

export const busArn = (name: string) => `${prefix}:event-bus/${name}`

export const ruleArn = (name: string) => `${prefix}:rule/${name}`

/** Returns the name in the ARN of an event bus, or the name itself. */
export function busNameOf(nameOrArn: string): string {
  return nameOrArn.startsWith('arn:') ? (nameOrArn.split(':event-bus/')[1] ?? nameOrArn) : nameOrArn
}

/** Returns the name in the ARN of a stream of Kinesis, or undefined for any other ARN. */
export function streamNameOf(arn: string): string | undefined {
  return /^arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{12}:stream\/([\w.-]+)$/.exec(arn)?.[1]
}
