import { hash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { CloudFormation } from '../../infra/support/synthesize.ts'
import { callJson, callQuery, type Target } from '../support/call.ts'

/** The bucket in which `cdk bootstrap` keeps the assets of stacks. */
export const ASSETS = 'cdk-hnb659fds-assets'

const STACK_TIMEOUT_MS = 120_000

/** CloudFormation could not create a stack. The message has the reason of each resource that failed. */
export class StackError extends Error {
  override readonly name = 'StackError'
  readonly code = 'HEADGATE_TEST_STACK'
}

/** Creates the resources of `cdk bootstrap` that our stacks read. */
export async function bootstrapAccount(target: Target, s3: S3Client): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: ASSETS }))
  const version = { Name: '/cdk-bootstrap/hnb659fds/version', Value: '31', Type: 'String' }
  await callJson(target, 'ssm', 'PutParameter', version)
}

/**
 * Creates a stack as `cdk deploy` does: the template is uploaded to the bucket of assets, because it is too large for a
 * request. Resolves to the outputs of the stack.
 *
 * @throws StackError
 */
export async function createStack(
  target: Target,
  { s3, name, template }: { s3: S3Client; name: string; template: CloudFormation },
): Promise<Record<string, string>> {
  const Body = JSON.stringify(template)
  const Key = `${hash('sha256', Body)}.json`
  await s3.send(new PutObjectCommand({ Bucket: ASSETS, Key, Body }))
  await callQuery(target, 'cloudformation', 'CreateStack', {
    StackName: name,
    TemplateURL: `${target.url}/${ASSETS}/${Key}`,
    'Capabilities.member.1': 'CAPABILITY_NAMED_IAM',
  })
  const stack = await settled(target, name)
  const [status] = elements(stack, 'StackStatus')
  if (status !== 'CREATE_COMPLETE') {
    const events = await callQuery(target, 'cloudformation', 'DescribeStackEvents', { StackName: name })
    throw new StackError(`${name} is ${status}: ${elements(events, 'ResourceStatusReason').join('; ')}`)
  }
  const values = elements(stack, 'OutputValue')
  return Object.fromEntries(elements(stack, 'OutputKey').map((key, index) => [key, values[index] ?? '']))
}

/** Resolves to the description of the stack once its creation has ended. CloudFormation has no event for that. */
async function settled(target: Target, name: string): Promise<string> {
  const deadline = performance.now() + STACK_TIMEOUT_MS
  while (true) {
    const stack = await callQuery(target, 'cloudformation', 'DescribeStacks', { StackName: name })
    if (!elements(stack, 'StackStatus').some(status => status.endsWith('_IN_PROGRESS'))) return stack
    if (performance.now() > deadline) {
      const events = await callQuery(target, 'cloudformation', 'DescribeStackEvents', { StackName: name })
      const [last] = elements(events, 'LogicalResourceId')
      throw new StackError(`${name} is in progress after ${STACK_TIMEOUT_MS / 1_000} s, last with ${last}`)
    }
    await wait(250)
  }
}

/** Resolves to the physical ids of a stack's resources, by their logical ids. */
export async function physicalIds(target: Target, name: string): Promise<Map<string, string>> {
  const resources = await callQuery(target, 'cloudformation', 'DescribeStackResources', { StackName: name })
  const physical = elements(resources, 'PhysicalResourceId')
  return new Map(elements(resources, 'LogicalResourceId').map((id, index) => [id, physical[index] ?? '']))
}

/** Returns the text of every element with this name in an XML response. */
export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text = '']) => unescapeXml(text))
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

function unescapeXml(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => NAMED[name] ?? '')
}
