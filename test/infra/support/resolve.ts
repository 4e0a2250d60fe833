import { account } from '../../../services/local/account.ts'
import { names } from '../../../services/platform/resources.ts'
import { ACCOUNT, bucketArn, KEY_ARN, REGION, streamArn, tableArn } from './calls.ts'
import type { CloudFormation, Synthesized } from './synthesize.ts'

/** Returns a value of a template as it is after deployment, with the names of the embedded AWS's resources. */
export type Resolve = (value: unknown) => unknown

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Region': REGION,
  'AWS::AccountId': ACCOUNT,
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
}

export function resolverOf({ data, compute }: Synthesized): Resolve {
  const exported = new Map(
    Object.values(data.Outputs ?? {}).flatMap(({ Export, Value }) =>
      Export ? [[String(Export.Name), Value]] : [],
    ) as [string, unknown][],
  )

  function within(template: CloudFormation): Resolve {
    const resolve: Resolve = value => {
      if (Array.isArray(value)) return value.map(resolve)
      if (typeof value !== 'object' || value === null) return value
      const {
        Ref,
        'Fn::GetAtt': attribute,
        'Fn::Join': join,
        'Fn::ImportValue': imported,
      } = value as Record<string, unknown>
      if (typeof Ref === 'string') return PSEUDO[Ref] ?? referenceTo(template, Ref)
      if (Array.isArray(attribute)) return referenceTo(template, String(attribute[0]), String(attribute[1]))
      if (Array.isArray(join)) return (join[1] as unknown[]).map(resolve).join(String(join[0]))
      if (typeof imported === 'string') return within(data)(exported.get(imported))
      return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, resolve(it)]))
    }
    return resolve
  }
  return within(compute)
}

/** Returns the value of a reference to a resource or its attribute. Resources that no test reads have their logical id as the name. */
function referenceTo({ Resources }: CloudFormation, id: string, attribute?: string): string {
  const { Type, Properties = {} } = Resources[id] ?? { Type: 'none' }
  const isArn = attribute === 'Arn'
  switch (Type) {
    case 'AWS::S3::Bucket': {
      const name = id.startsWith('Uploads') ? names.uploadBucket : names.processedBucket
      return isArn ? bucketArn(name) : name
    }
    case 'AWS::Kinesis::Stream':
      return isArn ? streamArn(String(Properties.Name)) : String(Properties.Name)
    case 'AWS::DynamoDB::Table':
      return isArn ? tableArn(String(Properties.TableName)) : String(Properties.TableName)
    case 'AWS::KMS::Key':
      return KEY_ARN
    case 'AWS::Cognito::UserPool':
      return account.userPoolId
    case 'AWS::Cognito::UserPoolClient':
      return account.userPoolClientId
    default:
      return isArn ? `arn:aws:other:${REGION}:${ACCOUNT}:${id}` : id
  }
}
