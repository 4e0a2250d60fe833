import { Stack, Validations } from 'aws-cdk-lib'
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IConstruct } from 'constructs'

/**
 * Accepts findings of cdk-nag on a construct and what is below it, each with its reason. A finding that has none ends the
 * synthesis.
 */
export function acknowledge(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(reasons)) Validations.of(construct).acknowledge({ id, reason })
}

/** Accepts that some statements name objects by the prefix of their keys, and those prefixes alone. */
export function acknowledgePrefixes(construct: IConstruct, statements: readonly PolicyStatement[]): void {
  const resources = statements.flatMap(statement => statement.resources)
  const named = resources.map(resource => flatten(Stack.of(construct).resolve(resource)))
  const reason = 'Objects are named by what their keys begin with: which they are is not known before.'
  for (const resource of new Set(named.filter(name => name.endsWith('/*')))) {
    acknowledge(construct, { [`AwsSolutions-IAM5[Resource::${resource}]`]: reason })
  }
}

/** A resource as cdk-nag writes it: what is imported by its name, the parts of a join one after the other. */
function flatten(resource: unknown): string {
  if (typeof resource === 'string') return resource
  const { 'Fn::Join': join, 'Fn::ImportValue': imported } = resource as Record<string, unknown>
  if (typeof imported === 'string') return imported
  if (Array.isArray(join)) return (join[1] as unknown[]).map(flatten).join(String(join[0]))
  return ''
}
