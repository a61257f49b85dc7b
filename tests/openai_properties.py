"""OpenAI's properties by the proto message that stands for them, and the extensions of other servers.

Only names, in JSON spelling, as OpenAI's public OpenAPI description 2.3.0 has them. `tests/test_schema.py`
compares them with the schema: a name that OpenAI adds is added here first.
"""

from collections.abc import Mapping

TAGS = frozenset({"object", "stream", "type"})
"""Names that the proto does not need: the message, the RPC or the oneof's member already says it."""

NOT_GIVEN = {
    "CreateChatCompletionResponse": frozenset({"moderation"}),
    "CreateChatCompletionStreamResponse": frozenset({"moderation"}),
}
"""Names per message that no model here can give."""

REQUESTS: Mapping[str, tuple[str, ...]] = {
    "CreateChatCompletionRequest": (
        *("model", "messages", "max_completion_tokens", "max_tokens", "temperature", "top_p", "n", "stop"),
        *("stream", "stream_options", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs"),
        *("top_logprobs", "seed", "response_format", "tools", "tool_choice", "parallel_tool_calls"),
        *("reasoning_effort", "verbosity", "modalities", "audio", "web_search_options", "moderation"),
        *("functions", "function_call", "prediction", "service_tier", "store", "metadata", "user"),
        *("safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"),
    ),
    "CreateCompletionRequest": (
        *("model", "prompt", "max_tokens", "n", "best_of", "echo", "suffix", "logprobs", "stop", "stream"),
        *("stream_options", "temperature", "top_p", "seed", "frequency_penalty", "presence_penalty"),
        *("logit_bias", "user"),
    ),
    "CreateEmbeddingRequest": ("model", "input", "encoding_format", "dimensions", "user"),
}

REQUEST_PARTS: Mapping[str, tuple[str, ...]] = {
    "StreamOptions": ("include_usage", "include_obfuscation"),
    "ChatMessage": (
        *("role", "content", "name", "refusal", "tool_calls", "tool_call_id", "audio", "function_call"),
    ),
    "ContentPart": (
        *("type", "text", "image_url", "input_audio", "file", "refusal", "prompt_cache_breakpoint"),
    ),
    "ImageUrl": ("url", "detail"),
    "InputAudio": ("data", "format"),
    "File": ("filename", "file_data", "file_id"),
    "PromptCacheBreakpoint": ("mode",),
    "AudioReference": ("id",),
    "AudioOptions": ("voice", "format"),
    "PromptCacheOptions": ("ttl", "mode"),
    "Prediction": ("type", "content"),
    "WebSearchOptions": ("user_location", "search_context_size"),
    "WebSearchLocation": ("type", "approximate"),
    "ApproximateLocation": ("country", "region", "city", "timezone"),
    "ModerationOptions": ("model", "policy"),
    "Tool": ("type", "function", "custom"),
    "FunctionDefinition": ("name", "description", "parameters", "strict"),
    "CustomTool": ("name", "description", "format"),
    "ToolCall": ("id", "type", "function", "custom"),
    "FunctionCall": ("name", "arguments"),
    "CustomToolCall": ("name", "input"),
    "ResponseFormat": ("type", "text", "json_object", "json_schema"),
    "ResponseFormatJsonSchema": ("name", "description", "schema", "strict"),
}

CHAT_ANSWERS: Mapping[str, tuple[str, ...]] = {
    "CreateChatCompletionResponse": (
        *("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"),
        *("metadata", "moderation"),
    ),
    "ChatChoice": ("index", "message", "finish_reason", "logprobs"),
    "ChatCompletionMessage": (
        *("role", "content", "refusal", "tool_calls", "annotations", "audio", "function_call"),
    ),
    "Annotation": ("type", "url_citation"),
    "UrlCitation": ("start_index", "end_index", "url", "title"),
    "AudioAnswer": ("id", "expires_at", "data", "transcript"),
    "ChatLogprobs": ("content", "refusal"),
    "TokenLogprob": ("token", "logprob", "bytes", "top_logprobs"),
    "TopLogprob": ("token", "logprob", "bytes"),
    "CreateChatCompletionStreamResponse": (
        *("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"),
        *("obfuscation", "moderation"),
    ),
    "ChatStreamChoice": ("index", "delta", "finish_reason", "logprobs"),
    "ChatDelta": ("role", "content", "refusal", "tool_calls", "function_call"),
    "ToolCallDelta": ("index", "id", "type", "function"),
    "FunctionCallDelta": ("name", "arguments"),
}

_COMPLETION = ("id", "object", "created", "model", "choices", "usage", "system_fingerprint")

OTHER_ANSWERS: Mapping[str, tuple[str, ...]] = {
    "CompletionUsage": (
        *("prompt_tokens", "completion_tokens", "total_tokens"),
        *("prompt_tokens_details", "completion_tokens_details"),
    ),
    "PromptTokensDetails": (
        *("audio_tokens", "cached_tokens", "text_tokens", "image_tokens", "cache_write_tokens"),
    ),
    "CompletionTokensDetails": (
        *("reasoning_tokens", "audio_tokens", "text_tokens"),
        *("accepted_prediction_tokens", "rejected_prediction_tokens"),
    ),
    "CreateCompletionResponse": _COMPLETION,
    "CreateCompletionStreamResponse": _COMPLETION,
    "CompletionChoice": ("index", "text", "logprobs", "finish_reason"),
    "CompletionLogprobs": ("tokens", "token_logprobs", "top_logprobs", "text_offset"),
    "CreateEmbeddingResponse": ("object", "data", "model", "usage"),
    "Embedding": ("object", "index", "embedding"),
    "EmbeddingUsage": ("prompt_tokens", "total_tokens"),
    "ListModelsResponse": ("object", "data"),
    "Model": ("id", "object", "created", "owned_by", "shutdown_date"),
}

PROPERTIES = {**REQUESTS, **REQUEST_PARTS, **CHAT_ANSWERS, **OTHER_ANSWERS}
"""Proto message name to the names of OpenAI's properties."""

_SAMPLING = (
    *("top_k", "min_p", "repetition_penalty", "min_tokens", "ignore_eos", "stop_token_ids", "bad_words"),
    *("allowed_token_ids", "include_stop_str_in_output", "skip_special_tokens"),
    *("spaces_between_special_tokens", "structured_outputs", "add_special_tokens", "truncate_prompt_tokens"),
    *("truncation_side", "priority", "cache_salt", "stream_interval", "return_token_ids"),
    *("return_tokens_as_token_ids", "return_prompt_text", "triton_parameters"),
)

EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "CreateChatCompletionRequest": (
        *_SAMPLING,
        *("chat_template_kwargs", "add_generation_prompt", "continue_final_message", "documents"),
        *("include_reasoning", "separate_reasoning"),
    ),
    "CreateCompletionRequest": _SAMPLING,
    "CreateEmbeddingRequest": ("truncate_prompt_tokens", "input_type", "triton_parameters"),
    "StreamOptions": ("continuous_usage_stats",),
    "ChatMessage": ("reasoning_content",),
    "ChatCompletionMessage": ("reasoning_content",),
    "ChatDelta": ("reasoning_content",),
    "ChatChoice": ("stop_reason", "token_ids"),
    "ChatStreamChoice": ("stop_reason", "token_ids"),
    "CompletionChoice": ("stop_reason", "token_ids", "prompt_token_ids", "prompt_text"),
    "CreateChatCompletionResponse": ("prompt_token_ids", "prompt_text"),
    "CreateChatCompletionStreamResponse": ("prompt_token_ids", "prompt_text"),
    "Model": ("max_model_len", "parent", "root"),
}
"""Proto message name to the names that OpenAI does not have: numbers from 100."""
