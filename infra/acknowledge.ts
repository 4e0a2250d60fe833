import { CfnResource, Stack, Validations } from 'aws-cdk-lib'
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IConstruct } from 'constructs'

/**
 * Accepts findings of cdk-nag and checkov, each with its reason. A finding of cdk-nag is accepted for the construct and
 * everything below it; an unaccepted one ends the synthesis. A finding of checkov (`CKV_…`) is accepted for the construct's own
 * resource, in the template's metadata, where checkov reads it.
 */
export function acknowledge(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(reasons)) {
    if (id.startsWith('CKV_')) acceptCheckov(construct, id, reason)
    else Validations.of(construct).acknowledge({ id, reason })
  }
}

function acceptCheckov(construct: IConstruct, id: string, comment: string): void {
  const resource = CfnResource.isCfnResource(construct) ? construct : construct.node.defaultChild
  if (!CfnResource.isCfnResource(resource)) {
    throw new Error(`${construct.node.path} has no resource of its own to accept ${id} for.`)
  }
  const accepted = resource.getMetadata('checkov') as { skip: object[] } | undefined
  resource.addMetadata('checkov', { skip: [...(accepted?.skip ?? []), { id, comment }] })
}

/**
 * Accepts the one warning of cfn-lint, W3005, in the template's metadata, where cfn-lint reads it: CDK writes a `DependsOn` for
 * what a reference implies already, which changes nothing.
 */
export function acknowledgeDependencies(stack: Stack): void {
  stack.templateOptions.metadata = { 'cfn-lint': { config: { ignore_checks: ['W3005'] } } }
}

/** Accepts that some statements name objects by the prefix of their keys, and those prefixes alone. */
export function acknowledgePrefixes(construct: IConstruct, statements: readonly PolicyStatement[]): void {
  const resources = statements.flatMap(statement => statement.resources)
  const named = resources.map(resource => flatten(Stack.of(construct).resolve(resource)))
  const reason = 'The statement names objects by the prefix of their keys: the keys are not known in advance.'
  for (const resource of new Set(named.filter(name => name.endsWith('/*')))) {
    acknowledge(construct, { [`AwsSolutions-IAM5[Resource::${resource}]`]: reason })
  }
}

/** Returns a resource as cdk-nag writes it: an import by its name, the parts of a join one after the other. */
function flatten(resource: unknown): string {
  if (typeof resource === 'string') return resource
  const { 'Fn::Join': join, 'Fn::ImportValue': imported } = resource as Record<string, unknown>
  if (typeof imported === 'string') return imported
  if (Array.isArray(join)) return (join[1] as unknown[]).map(flatten).join(String(join[0]))
  return ''
}
