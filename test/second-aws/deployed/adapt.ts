import type { CloudFormation, Resource } from '../../infra/support/synthesize.ts'

/** Runs every schedule of the stack each minute: the sweeps' own schedule is a quarter of an hour. */
export function withQuickSchedules(template: CloudFormation): CloudFormation {
  return mapResources(template, resource => {
    if (resource.Type !== 'AWS::Events::Rule') return resource
    return { ...resource, Properties: { ...resource.Properties, ScheduleExpression: 'rate(1 minute)' } }
  })
}

/**
 * The types of the Fargate stack that ministack 1.5.33 does not know: the network around the tasks, and their scaling. Roles, task
 * definitions and services are not among them.
 */
const UNKNOWN: readonly string[] = [
  'AWS::ApiGatewayV2::VpcLink',
  'AWS::ApplicationAutoScaling::ScalableTarget',
  'AWS::ApplicationAutoScaling::ScalingPolicy',
  'AWS::EC2::EIP',
  'AWS::EC2::FlowLog',
  'AWS::EC2::NatGateway',
  'AWS::EC2::SecurityGroupEgress',
  'AWS::EC2::SecurityGroupIngress',
]

/** Removes the resources that ministack does not support, and every resource that depends on them. */
export function withoutUnknown(template: CloudFormation): CloudFormation {
  const gone = new Set(
    Object.entries(template.Resources).flatMap(([id, resource]) => (isUnknown(resource) ? [id] : [])),
  )
  const replace = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replace)
    if (typeof value !== 'object' || value === null) return value
    const { Ref, 'Fn::GetAtt': attribute } = value as { Ref?: unknown; 'Fn::GetAtt'?: unknown[] }
    if (gone.has(String(Ref)) || gone.has(String(attribute?.[0]))) return 'left-out'
    return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, replace(it)]))
  }
  const kept = Object.entries(template.Resources).filter(([id]) => !gone.has(id))
  const resources = kept.map(([id, { DependsOn, ...resource }]: [string, Resource & { DependsOn?: unknown }]) => {
    const needed = [DependsOn ?? []].flat().filter(other => !gone.has(String(other)))
    return [id, { ...(replace(resource) as Resource), ...(needed.length > 0 && { DependsOn: needed }) }]
  })
  return { ...template, Resources: Object.fromEntries(resources) }
}

function isUnknown({ Type, Properties = {} }: Resource): boolean {
  if (UNKNOWN.includes(Type)) return true
  if (Type === 'AWS::EC2::Route') return 'NatGatewayId' in Properties
  // Alarms of more than one metric.
  return Type === 'AWS::CloudWatch::Alarm' && 'Metrics' in Properties
}

interface Statement {
  Action: string | string[]
  Resource: unknown
}

const READ = 'kinesis:GetRecords'

/**
 * Allows GetRecords on any stream for roles that may call it on their own stream. A request with an iterator does not
 * name its stream. AWS looks up the stream of the iterator, while ministack 1.5.33 checks the action on `*`.
 */
export function withReadsOfAnyStream(template: CloudFormation): CloudFormation {
  return mapResources(template, resource => {
    const { Policies } = resource.Properties ?? {}
    if (resource.Type !== 'AWS::IAM::Role' || !Array.isArray(Policies)) return resource
    const widened = (Policies as Array<{ PolicyDocument: { Statement: Statement[] } }>).map(policy => {
      const { Statement: statements } = policy.PolicyDocument
      const reads = statements.filter(({ Action }) => [Action].flat().includes(READ))
      const Statement = [...statements, ...reads.map(read => ({ ...read, Action: READ, Resource: '*' }))]
      return { ...policy, PolicyDocument: { ...policy.PolicyDocument, Statement } }
    })
    return { ...resource, Properties: { ...resource.Properties, Policies: widened } }
  })
}

/** ministack does not support the attribute ProviderURL of a user pool. The value is the one that AWS documents. */
export function withIssuer(template: CloudFormation): CloudFormation {
  const replace = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replace)
    if (typeof value !== 'object' || value === null) return value
    const attribute = (value as { 'Fn::GetAtt'?: unknown })['Fn::GetAtt']
    if (Array.isArray(attribute) && attribute[1] === 'ProviderURL') {
      return { 'Fn::Sub': `https://cognito-idp.\${AWS::Region}.amazonaws.com/\${${attribute[0]}}` }
    }
    return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, replace(it)]))
  }
  return replace(template) as CloudFormation
}

function mapResources(template: CloudFormation, change: (resource: Resource) => Resource): CloudFormation {
  const changed = Object.entries(template.Resources).map(([id, resource]) => [id, change(resource)])
  return { ...template, Resources: Object.fromEntries(changed) }
}
