"""The tables. Importing this package registers all of them."""

from app.models.agent import Agent, AgentSession, MailedAbout, Role
from app.models.agent_notice import AgentNotice
from app.models.api_token import ApiToken
from app.models.audit import AuditEntry
from app.models.base import Base, UtcDateTime
from app.models.bot import BotGreeting, BotHours, BotRule, BotTrigger
from app.models.bulk import BulkJob, BulkJobItem, FilePurpose, JobFile, JobFileSlice, JobKind, JobState
from app.models.campaign import Campaign, CampaignRecipient, CampaignState, OptOutText, Outcome
from app.models.confirmation import Confirmation, ConfirmationState, VerifyNumber
from app.models.consent import Consent, ConsentState, DestinationOptOut, NumberFact, Suppression, SuppressionCause
from app.models.contact import Contact, ContactRole
from app.models.conversation import (
    Conversation,
    ConversationChannel,
    ConversationPresence,
    ConversationRead,
    ConversationState,
    Message,
    MessageKind,
)
from app.models.failure import Failure, FailureKind
from app.models.idempotency import IdempotencyKey
from app.models.ledger import (
    Action,
    ConsentEvent,
    ConsentEvidence,
    EvidenceLevel,
    LedgerSeal,
    LedgerVerification,
    PublishedHead,
    SigningKey,
    Source,
    Wording,
)
from app.models.messenger import MessengerToken
from app.models.optin_form import (
    FormDailyCount,
    InsertedForm,
    OptInForm,
    OptInFormText,
    OptInFormVersion,
)
from app.models.outbound_chat import ChatOutcome, OutboundChat, OutboundChatRecipient, OutboundChatState
from app.models.outbox import OutboxEvent
from app.models.overview import SubscriptionDailyCount, SubscriptionReach, Worker
from app.models.preference import ErasureRequest, PreferenceLink, Resolution
from app.models.rate_counter import RateCounter
from app.models.saved_reply import SavedReply
from app.models.segment import Segment
from app.models.site import Script, SiteClaim, SiteCount, SiteCountKind, SiteSample, SnippetOrigin
from app.models.sms import (
    ConsentPush,
    Direction,
    Purpose,
    ShortLink,
    SmsDailyCount,
    SmsMessage,
    SmsState,
    StoppedConsent,
)
from app.models.subscription_type import (
    Channel,
    ConsentType,
    SubscriptionType,
    SubscriptionTypeTranslation,
    TypeState,
)
from app.models.tag import ContactNote, ContactTag, Tag
from app.models.webhook import DeliveryState, DisabledReason, WebhookDelivery, WebhookEndpoint, WebhookMessage
from app.models.workspace import Workspace

__all__ = [
    "Action",
    "Agent",
    "AgentNotice",
    "AgentSession",
    "ApiToken",
    "AuditEntry",
    "Base",
    "BotGreeting",
    "BotHours",
    "BotRule",
    "BotTrigger",
    "BulkJob",
    "BulkJobItem",
    "Campaign",
    "CampaignRecipient",
    "CampaignState",
    "Channel",
    "ChatOutcome",
    "Confirmation",
    "ConfirmationState",
    "Consent",
    "ConsentEvent",
    "ConsentEvidence",
    "ConsentPush",
    "ConsentState",
    "ConsentType",
    "Contact",
    "ContactNote",
    "ContactRole",
    "ContactTag",
    "Conversation",
    "ConversationChannel",
    "ConversationPresence",
    "ConversationRead",
    "ConversationState",
    "DeliveryState",
    "DestinationOptOut",
    "Direction",
    "DisabledReason",
    "ErasureRequest",
    "EvidenceLevel",
    "Failure",
    "FailureKind",
    "FilePurpose",
    "FormDailyCount",
    "IdempotencyKey",
    "InsertedForm",
    "JobFile",
    "JobFileSlice",
    "JobKind",
    "JobState",
    "LedgerSeal",
    "LedgerVerification",
    "MailedAbout",
    "Message",
    "MessageKind",
    "MessengerToken",
    "NumberFact",
    "OptInForm",
    "OptInFormText",
    "OptInFormVersion",
    "OptOutText",
    "OutboundChat",
    "OutboundChatRecipient",
    "OutboundChatState",
    "OutboxEvent",
    "Outcome",
    "PreferenceLink",
    "PublishedHead",
    "Purpose",
    "RateCounter",
    "Resolution",
    "Role",
    "SavedReply",
    "Script",
    "Segment",
    "ShortLink",
    "SigningKey",
    "SiteClaim",
    "SiteCount",
    "SiteCountKind",
    "SiteSample",
    "SmsDailyCount",
    "SmsMessage",
    "SmsState",
    "SnippetOrigin",
    "Source",
    "StoppedConsent",
    "SubscriptionDailyCount",
    "SubscriptionReach",
    "SubscriptionType",
    "SubscriptionTypeTranslation",
    "Suppression",
    "SuppressionCause",
    "Tag",
    "TypeState",
    "UtcDateTime",
    "VerifyNumber",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "Wording",
    "Worker",
    "Workspace",
]
