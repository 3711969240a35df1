"""Runs inside the image: fine-tunes a small language model with LoRA, saves the adapter and loads it again.

The model has random weights and its tokenizer is made on the spot: nothing is downloaded. On a CPU it trains in fp32;
with a GPU in bf16 where the GPU has it, and then once more as QLoRA over 4-bit weights. It measures only.
"""

import importlib.metadata
import json
import os
import platform
import sys
import tempfile
import time
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BitsAndBytesConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    TrainerCallback,
    set_seed,
)
from trl import SFTConfig, SFTTrainer

SEED = 20
STEPS = 60
EDGE = 5  # losses of single steps jump: the first and the last few are averaged
PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "accelerate",
    "datasets",
    "bitsandbytes",
    "tokenizers",
    "safetensors",
)
SENTENCE = "one small model learns to count from one to nine and two three four five six seven eight again"
WORDS = SENTENCE.split()


def tokenizer() -> "PreTrainedTokenizerFast":
    """A word is a token."""
    names = ["<pad>", "<eos>", "<unk>", *dict.fromkeys(WORDS)]
    words = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )


def sentences() -> "Dataset":
    """Each row counts on from another word: there is something to learn, and it is learned quickly."""
    rows = [" ".join(WORDS[(start + step) % len(WORDS)] for step in range(16)) for start in range(len(WORDS))]
    return Dataset.from_dict({"text": rows * 4})


def save_base(folder: str) -> None:
    """A model as its makers would publish it: two layers, random weights from a fixed seed."""
    set_seed(SEED)
    config = LlamaConfig(
        vocab_size=32,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def base(folder: str, device: str, dtype: "torch.dtype", four_bits: bool) -> "LlamaForCausalLM":
    """The saved model on its device. four_bits: its weights as NF4, computing in dtype."""
    options = {}
    if four_bits:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
            bnb_4bit_use_double_quant=True,
        )
    return LlamaForCausalLM.from_pretrained(folder, dtype=dtype, device_map={"": device}, **options)


class Clock(TrainerCallback):  # type: ignore[misc]
    """Seconds of each optimiser step, the first included."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._begun = 0.0

    def on_step_begin(self, *_args: object, **_kwargs: object) -> None:
        """Called by the trainer."""
        self._begun = time.monotonic()

    def on_step_end(self, *_args: object, **_kwargs: object) -> None:
        """Called by the trainer."""
        self.seconds.append(time.monotonic() - self._begun)


def logits(model: Any, tokens: Any, device: str) -> "torch.Tensor":
    """What the model says of one sentence, without its dropout."""
    model.eval()
    ids = tokens(SENTENCE, return_tensors="pt")["input_ids"].to(device)
    with torch.no_grad():
        return model(input_ids=ids).logits.float().cpu()


def train(folder: str, device: str, dtype: "torch.dtype", four_bits: bool) -> dict[str, object]:
    """One run: losses, seconds, and how far the adapter that was saved and loaded is from the one that was trained."""
    work = tempfile.mkdtemp(dir=folder)
    tokens = tokenizer()
    set_seed(SEED)
    model = base(folder, device, dtype, four_bits)
    before = logits(model, tokens, device)
    clock = Clock()
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=work,
            max_steps=STEPS,
            per_device_train_batch_size=8,
            learning_rate=1e-2,
            lr_scheduler_type="constant",
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            seed=SEED,
            data_seed=SEED,
            use_cpu=device == "cpu",
            bf16=dtype == torch.bfloat16,
            fp16=False,
            max_length=32,
            dataloader_pin_memory=False,
            gradient_checkpointing=False,
            disable_tqdm=True,
        ),
        train_dataset=sentences(),
        processing_class=tokens,
        peft_config=LoraConfig(
            r=8, lora_alpha=16, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
        callbacks=[clock],
    )
    trainer.train()
    losses = [float(row["loss"]) for row in trainer.state.log_history if "loss" in row]
    trained, whole = trainer.model.get_nb_trainable_parameters()
    places = {str(value.device.type) for value in trainer.model.parameters()}
    after = logits(trainer.model, tokens, device)
    adapter = os.path.join(work, "adapter")
    trainer.model.save_pretrained(adapter)
    # without the cast to fp32 that loading does: what was trained is what is compared
    again = PeftModel.from_pretrained(
        base(folder, device, dtype, four_bits), adapter, autocast_adapter_dtype=False
    )
    kinds = {name: value.dtype for name, value in trainer.model.named_parameters() if "lora_" in name}
    for name, value in again.named_parameters():
        if name in kinds:
            value.data = value.data.to(kinds[name])
    loaded = logits(again, tokens, device)
    return {
        "steps": len(losses),
        "loss_first": round(sum(losses[:EDGE]) / EDGE, 6),
        "loss_last": round(sum(losses[-EDGE:]) / EDGE, 6),
        "device": " ".join(sorted(places)),
        "trained_parameters": trained,
        "parameters": whole,
        "seconds_per_step": round(sorted(clock.seconds)[len(clock.seconds) // 2], 4),
        "adapter_bytes": os.path.getsize(os.path.join(adapter, "adapter_model.safetensors")),
        "adapter_difference": float((after - loaded).abs().max()),
        "adapter_effect": float((after - before).abs().max()),
    }


def versions() -> dict[str, object]:
    """Of every package that takes part."""
    found: dict[str, object] = {"python": platform.python_version(), "prefix": sys.prefix}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def rehearsed(folder: str) -> dict[str, object]:
    """QLoRA on the CPU: no promise of the image, but the one sign there is without a GPU that 4-bit weights compute."""
    try:
        return qlora(train(folder, "cpu", torch.float32, four_bits=True))
    except Exception as error:  # said, and judged on a GPU only
        return {"qlora_on_cpu": f"{type(error).__name__}: {error}".splitlines()[0][:300]}


def qlora(numbers: dict[str, object]) -> dict[str, object]:
    """The same numbers under names of their own."""
    return {f"qlora_{name}": value for name, value in numbers.items()}


def main() -> None:
    """Write the measurements to $IMGBUILD_RESULT."""
    numbers: dict[str, object] = {**versions(), "gpus": torch.cuda.device_count(), "seed": SEED}
    four_bits = "bitsandbytes" in numbers
    with tempfile.TemporaryDirectory() as folder:
        save_base(folder)
        if torch.cuda.is_available():
            dtype = (
                torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
            )
            numbers |= {"gpu": torch.cuda.get_device_name(0), "dtype": str(dtype).removeprefix("torch.")}
            numbers |= train(folder, "cuda:0", dtype, four_bits=False)
            numbers |= qlora(train(folder, "cuda:0", dtype, four_bits=True)) if four_bits else {}
        else:
            numbers |= {"dtype": "float32", **train(folder, "cpu", torch.float32, four_bits=False)}
            numbers |= rehearsed(folder) if four_bits else {}
    with open(os.environ["IMGBUILD_RESULT"], "w", encoding="utf-8") as file:
        json.dump(numbers, file)


main()
